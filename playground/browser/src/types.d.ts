// Types that several modules share.
import type { Program } from "../../components/payloads.js";
import type { NoisyClassifier } from "./noisy_classifier.js";
import type { ProblemKind } from "./problem.js";

/** What determines a U-Net's shape: engine/models/unet.py, UNetConfig. */
export interface UNetConfig {
  sample_size: number;
  in_channels: number;
  out_channels: number;
  block_out_channels: number[];
  attention: boolean[];
  layers_per_block: number;
  num_class_embeds: number | null;
  attention_head_dim: number | null;
  norm_num_groups: number;
  norm_eps: number;
  act_fn: "silu" | "relu";
  downsample_padding: 0 | 1;
  flip_sin_to_cos: boolean;
  freq_shift: 0 | 1;
}

/** What determines a classifier's shape: engine/models/noisy_classifier.py, NoisyClassifierConfig, with the blocks' config. */
export interface NoisyClassifierConfig { classes: number; unet: UNetConfig }

/** What determines a network of points: engine/models/point_mlp.py, PointMLPConfig. */
export interface PointMLPConfig { T: number; width: number; depth: number; frequencies: number; classes: number }

/** A network that programs evaluate. */
export interface Network {
  /** Of one picture or point. */
  shape: number[];
  /** Rows of its class embedding, the last one for none; 0 where it knows no classes. */
  classes: number;
  /** Whether it puts out twice as many numbers: the second half is the learned variance. */
  learnsVariance: boolean;
  /** Pictures that it should be given at once. */
  mostAtOnce: number;
  /** Pictures that it was given so far. */
  evaluated: number;
  /** Bytes of memory that it has. */
  bytes: number;
  /** B pictures, as torch has them; a time (t − 1, as diffusers counts) and a class for each. */
  forward(x: Float32Array, times: ArrayLike<number>, classes: ArrayLike<number>): Float32Array<ArrayBuffer>;
}

/** A network as it is sent: its config, and its weights as a safetensors file. */
export interface NetworkFiles<Config> { config: Config; weights: ArrayBuffer }

/** The two modules of unet.c: with SIMD128, and with relaxed SIMD too. */
export interface Modules { plain: BufferSource; relaxed: BufferSource }

/** The functions of unet.c. Pointers are bytes, sizes are numbers of numbers. */
export interface Arithmetic {
  memory: WebAssembly.Memory;
  __heap_base: WebAssembly.Global;
  gemm(a: number, M: number, K: number, w: number, N: number, bias: number, rest: number, out: number): void;
  conv(at: number, B: number, Hp: number, Wp: number, C: number, stride: number, w: number, N: number, bias: number, biasStep: number, rest: number, out: number, H: number, W: number): void;
  winograd2(at: number, B: number, H: number, W: number, C: number, u: number, N: number, bias: number, biasStep: number, rest: number, out: number, scratch: number, room: number): void;
  winograd4(at: number, B: number, H: number, W: number, C: number, u: number, N: number, bias: number, biasStep: number, rest: number, out: number, scratch: number, room: number): void;
  pack(w: number, N: number, all: number, c0: number, C: number, taps: number, out: number): void;
  pack_winograd(m: number, w: number, N: number, C: number, out: number): void;
  widen(half: number, out: number, n: number): void;
  activation(x: number, n: number, act: number): void;
  sums(x: number, B: number, H: number, W: number, C: number, sums: number): void;
  norm(sums0: number, C0: number, sums1: number, C1: number, B: number, pixels: number, groups: number, eps: number, weight: number, bias: number, coefficients: number): void;
  normed(x: number, B: number, H: number, W: number, C: number, coefficients: number, act: number, out: number, Hp: number, Wp: number, pad: number, all: number): void;
  padded(x: number, B: number, H: number, W: number, C: number, up: number, out: number, Hp: number, Wp: number): void;
  attention(qkv: number, B: number, L: number, C: number, heads: number, scale: number, out: number, scratch: number): void;
  norm_gradient(x: number, dy: number, B: number, pixels: number, C: number, groups: number, eps: number, sums: number, weight: number, bias: number, act: number, rest: number, scratch: number, out: number): void;
  dilated(x: number, B: number, H: number, W: number, C: number, out: number, Hp: number, Wp: number): void;
  attention_gradient(qkv: number, dout: number, B: number, L: number, C: number, heads: number, scale: number, dqkv: number, scratch: number): void;
}

/** What evaluates a program. */
export interface Networks { network: Network; classifier?: NoisyClassifier }

/** What is sampled. */
export interface Request {
  program: Program;
  /** One for each picture. */
  seeds: number[];
  /** One for each picture, −1 for none; left out where the program's recipe has no labels. */
  labels?: number[];
  /** A guidance scale in place of the program's, or one for each picture; it has an effect where the program is guided. */
  scale?: number | number[];
  /** To continue from a frame in place of noise. */
  start?: Start;
}

/** A frame to continue from: `Start` of engine/sampling.py. */
export interface Start {
  x: Float32Array<ArrayBuffer>;
  /** The prediction of the step before. */
  previous?: { x0: Float32Array<ArrayBuffer>; noise: Float32Array<ArrayBuffer> };
  /** Noise that each seed has drawn so far. */
  draws: number;
}

/** A frame as `engine.sampling.Frame`: B pictures, one after the other, as torch has them. */
export interface Frame {
  step: number;
  steps: number;
  t: number;
  x: Float32Array<ArrayBuffer>;
  x0: Float32Array<ArrayBuffer>;
  noise: Float32Array<ArrayBuffer>;
  /** Further pictures of the step, by the names in its `parts`. */
  parts: Record<string, Float32Array<ArrayBuffer>>;
}

/** The networks of a recipe, as they are sent: a U-Net, or a network of points. */
export interface Files {
  unet?: NetworkFiles<UNetConfig>;
  points?: NetworkFiles<PointMLPConfig>;
  classifier?: NetworkFiles<NoisyClassifierConfig>;
  /** Bytes of memory that each network may take. */
  memory?: number;
}

export interface Loaded { relaxed: boolean; bytes: number; ms: number }
/** A step without its pictures. */
export interface Progress { step: number; steps: number; t: number }
/** `evaluations`: of one picture each, so that ms / evaluations is what one costs; `bytes` of memory. */
export interface Done { ms: number; evaluations: number; bytes: number }

export type LoadMessage = { type: "load"; id: number } & Files;
export type SampleMessage = { type: "sample"; id: number; keep?: number[] } & Request;
/** To the worker: see worker.js. */
export type Message = LoadMessage | SampleMessage | { type: "cancel"; id: number } | { type: "unload" };

/** From the worker. */
export type Answer =
  | ({ type: "loaded"; id: number } & Loaded)
  | ({ type: "frame"; id: number } & Frame)
  | ({ type: "progress"; id: number } & Progress)
  | ({ type: "done"; id: number } & Done)
  | { type: "cancelled"; id: number }
  | { type: "failed"; id: number; kind: ProblemKind; message: string };

/** The inside of a worker. */
export interface WorkerScope {
  onmessage: ((event: { data: Message }) => void) | null;
  postMessage(answer: Answer): void;
}

/** The outside of one. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<Answer>) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: Message): void;
  terminate(): void;
}
