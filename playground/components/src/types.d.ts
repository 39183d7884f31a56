// Types that several components share. What comes from Python is in ../payloads.d.ts.

/** `emit` sends a named value to the page's program. */
export type Emit = (name: string, value: unknown) => void;

export interface Theme {
  text: string; muted: string; bg: string; surface: string; border: string; accent: string;
  s0: string; s1: string; s2: string; s3: string; s4: string; s5: string;
  font: string;
  /** The colours of series, s0 … s5. */
  series: string[];
  /** Differs when a colour does. */
  stamp: string;
}

export type Point = [number, number];
export type Range = [number, number];
export interface Rect { x: number; y: number; w: number; h: number }

/** The axes of a chart: from values to pixels, and back along x. */
export interface Frame { X(v: number): number; Y(v: number): number; unX(px: number): number; rect: Rect }

/** The part of a canvas's context that figures are drawn with; `svgContext` offers the same. */
export type Pen = Pick<CanvasRenderingContext2D,
  "fillStyle" | "strokeStyle" | "lineWidth" | "lineJoin" | "lineCap" | "globalAlpha" | "font" | "textAlign" | "textBaseline" |
  "imageSmoothingEnabled" | "save" | "restore" | "translate" | "clip" | "setLineDash" | "beginPath" | "fill" | "stroke" | "fillRect" |
  "strokeRect" | "drawImage" | "measureText" | "fillText" | "strokeText" | "moveTo" | "lineTo" | "closePath" | "rect" | "arc" | "roundRect"
> & { svg?: SVGSVGElement };

/** A Pen that writes SVG. `fillMarkup` also returns about how wide the text is. */
export type SvgPen = Pen & { svg: SVGSVGElement; fillMarkup(text: string, x: number, y: number): number };

export type Path = Pick<Path2D, "moveTo" | "lineTo" | "closePath" | "rect" | "arc" | "roundRect">;

export type LineStyle = "line" | "dashed" | "dots" | "thin";
export type Mark = "" | "circle" | "square" | "triangle" | "diamond";

/** What a component is to its page. */
export interface Component<Data> { update(data: Data): void; destroy(): void }
