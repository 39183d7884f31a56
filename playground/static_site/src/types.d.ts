// Types of the pages that need no server.
import type { SiteControls } from "../../components/payloads.js";

/** Values of a lab's controls by their names, as text: as they stand in the address. */
export type Settings = Record<string, string>;

/** A lab on a page. `isMoving`: the hand is still on the control. A rejection says that something is missing. */
export interface Lab {
  change?(settings: Settings, isMoving: boolean): Promise<void>;
  destroy(): void;
}

/** Draws a lab into an element; `data`: what its page was given when the site was built. */
export type MountLab = (root: HTMLElement, data: any) => Lab;

/** What a page is given besides its HTML. `lab`: the module that draws it; null for a page of text. */
export interface PageData {
  lab: string | null;
  controls: SiteControls | null;
  data: any;
}
