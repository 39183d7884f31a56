// Written by python tests/payload_types.py from the dataclasses in payloads/. Do not edit.

/** float32 as base64; as they are where the browser has computed them. */
export interface PackedFloats { shape: number[]; f32: string | Float32Array<ArrayBuffer> }
/** uint8 as base64. */
export interface PackedBytes { shape: number[]; u8: string }
/** float32, read from a message. */
export interface Floats { shape: number[]; values: Float32Array<ArrayBuffer> }

/** Lanes over positions with one playhead. */
export interface Timeline {
  id: string;
  lanes: Lane[];
  positions: Position[];
  captions: string[];
  panels: (HistogramPanel | CurvePanel | EquationPanel | AlgorithmPanel)[];
  live: boolean;
  first: number;
  total: number | null;
  start_at: "first" | "last" | number;
  fps: number;
  pick: boolean;
  report_position: boolean;
  autoplay: boolean;
  label: string;
}

/** One row of tiles. `index[i]` is the number of the tile that position i shows. */
export interface Lane extends Sheets {
  key: string;
  title: string;
  index: number[];
  grid: [number, number];
  pictures: number;
  help: string;
  group: string;
  axes: Axes | null;
  group_title: string;
}

/** All tiles of a lane. `tile` is (width, height) in pixels; every sheet has `columns` tiles in a row. */
export interface Sheets {
  sheets: Sheet[];
  tile: [number, number];
  columns: number;
}

/** One PNG file with `count` tiles, row by row; the first is tile number `first` of its lane. */
export interface Sheet {
  png: string | Blob;
  first: number;
  count: number;
}

/** What the columns and the rows of a grid of pictures stand for: a title, and one label for each. */
export interface Axes {
  across: string;
  columns: string[];
  down: string;
  rows: string[];
}

/** One stop of the playhead. `t` is the diffusion time (or the training step); `text` is what the reader reads. */
export interface Position {
  t: number;
  text: string;
}

/** `density[i, b]` for position i and bin b between `edges[b]` and `edges[b + 1]`; density, so that areas are 1. */
export interface HistogramPanel {
  title: string;
  x_label: string;
  y_label: string;
  edges: number[];
  density: PackedFloats;
  reference: Line | null;
  kind: "histogram";
}

/** A named curve; `y` may hold NaN where there is no value. `color` is one of the six colours of a chart, 0 … 5. */
export interface Line {
  name: string;
  x: (number | null)[];
  y: (number | null)[];
  color: number | null;
  dashed: boolean;
}

/** Curves with a marker on each: `marker[i]` is the x of position i; its y is read off the line. */
export interface CurvePanel {
  title: string;
  x_label: string;
  y_label: string;
  lines: Line[];
  marker: (number | null)[];
  log_y: boolean;
  y_range: [number, number] | null;
  kind: "curve";
}

/** A formula whose {placeholders} are filled with `values[name][i]` at position i. */
export interface EquationPanel {
  title: string;
  template: string;
  values: Record<string, string[]>;
  positions: number | null;
  now: Record<string, string>;
  kind: "equation";
}

/** The lines of an algorithm, of which those with the numbers `current[i]` are carried out at position i. */
export interface AlgorithmPanel {
  title: string;
  lines: AlgorithmLine[];
  current: number[][];
  values: Record<string, string[]>;
  source: string;
  now: Record<string, string>;
  kind: "algorithm";
}

/** One line of an algorithm. `numbers` may hold {placeholders}, and is shown while the line is carried out. */
export interface AlgorithmLine {
  text: string;
  numbers: string;
  indent: number;
}

/** Series over one pair of axes; every update carries all points (of a long series, MAX_POINTS). */
export interface LiveChart {
  title: string;
  x_label: string;
  y_label: string;
  series: Series[];
  log_x: boolean;
  log_y: boolean;
  y_range: [number, number] | null;
  note: string;
  empty: string;
}

/** A named series. `low` and `high` give a band around it. NaN leaves a gap. */
export interface Series {
  name: string;
  x: (number | null)[];
  y: (number | null)[];
  style: "line" | "dashed" | "dots";
  low: (number | null)[] | null;
  high: (number | null)[] | null;
  mark: "" | "circle" | "square" | "triangle" | "diamond";
  color: number | null;
}

/** An algorithm by itself, at one position: what happens now. */
export interface Algorithm {
  panel: AlgorithmPanel;
}

/** The points to begin with and reference curves drawn faintly behind (x and y in [0, 1]). */
export interface CurveEditor {
  points: ([number, number])[];
  references: Line[];
  x_label: string;
  y_label: string;
  base: string;
}

/** Everything that microscope.js shows. */
export interface Microscope {
  id: string;
  branches: Branch[];
  cursor: Cursor;
  revision: string;
  home: Cursor;
  atlas: PackedBytes | null;
  captions: string[];
  version: string;
}

/** One trajectory. */
export interface Branch {
  name: string;
  label: string;
  pool: PackedFloats;
  steps: StepView[];
  thumbnails: number[];
  final: number | null;
  parent: number | null;
  is_standalone: boolean;
}

/** One step of a trajectory. */
export interface StepView {
  step: number;
  t: number;
  progress: number;
  text: string;
  equations: Equation[];
  other_pictures: PoolPicture[];
  facts: ([string, string])[];
  posterior_weights: ([number, number])[];
  posterior_text: string;
}

/** result = Σ coefficient × picture. */
export interface Equation {
  name: string;
  result: PoolPicture;
  terms: WeightedPicture[];
}

/** Picture number `index` of a branch's pool. Symbols may hold the small markup of panels.EquationPanel. */
export interface PoolPicture {
  kind: string;
  symbol: string;
  title: string;
  index: number;
  vmax: number;
}

/** A picture times a coefficient. */
export interface WeightedPicture extends PoolPicture {
  coefficient: number;
  coefficient_map: number | null;
}

/** Where the reader is: number of the branch, steps taken in it, pixel. −1 leaves the pixel to the browser. */
export interface Cursor {
  branch: number;
  step: number;
  row: number;
  column: number;
}

/** Everything that points_microscope.js shows. */
export interface PointsMicroscope extends ParticleCursor {
  id: string;
  particles: number;
  times: number[];
  data: PackedFloats;
  trajectories: ParticleTrajectory[];
  name: string;
}

/** Number of the particle, −1 for none, and the number of its steps that have been taken. */
export interface ParticleCursor {
  particle: number;
  frame: number;
}

/** One sampler's trajectory of the particle. Its pool has the shape (N, 1, 1, 2): x and y are two pixels of a picture. */
export interface ParticleTrajectory extends Branch {
  std: number[];
  posterior_std: number[];
}

/** Clouds over positions. Particle k of one cloud began where particle k of the other did. */
export interface PointClouds {
  id: string;
  clouds: Cloud[];
  positions: Position[];
  data: Floats;
  data_labels: Floats | null;
  labels: Floats | null;
  class_names: string[];
  has_trajectories: boolean;
  live: boolean;
  start_at: "first" | "last";
  fps: number;
  autoplay: boolean;
  label: string;
  half_width: number;
}

/** N particles at F moments. */
export interface Cloud {
  key: string;
  title: string;
  x: Floats;
  frame_index: number[];
  x0: Floats | null;
  arrows: VectorField | null;
  note: string;
}

/** A field of arrows at L levels, on a grid of `grid` × `grid` points over the whole view, row by row from below. */
export interface VectorField {
  grid: number;
  vectors: Floats;
  level_index: number[];
}

/** A tile for each pair of times, one training step after the other. */
export interface TrainingSamplingMap {
  id: string;
  lane: Lane;
  trained: Position[];
  denoised: Position[];
  total: number;
  names: string[];
}

/** What stacked.js shows. `most`: where the axis ends; a longer bar is broken. `name`, `csv`: of the exported file. */
export interface StackedBars {
  bars: StackedBar[];
  most: number;
  label: string;
  note: string;
  name: string;
  csv: string;
}

/** A bar from 0 to `total`. */
export interface StackedBar {
  title: string;
  total: number;
  error: number | null;
  segments: BarSegment[];
}

/** Part of a bar. `error`: of its value, in the same unit; `kind`: the number of its colour and hatching. */
export interface BarSegment {
  name: string;
  value: number;
  error: number | null;
  kind: number;
}

/** What heatmap.js shows: `values[row][column]`, None where there is none. */
export interface Heatmap {
  title: string;
  x: number[];
  x_label: string;
  y: string[];
  y_label: string;
  values: ((number | null)[])[];
  unit: string;
  name: string;
  csv: string;
}

/** What drawing_pad.js shows: points as labs/points/drawn.py writes them, how many there may be, and of how many classes. */
export interface DrawingPad {
  text: string;
  most: number;
  kinds: number;
  base: number | null;
}

/** All of it. `block`: which is chosen; `base`: the settings that the browser's choice belongs to. */
export interface XRay {
  id: string;
  base: string;
  block: string;
  title: string;
  parameters: number;
  at: string;
  blocks: XRayBlock[];
  skips: XRaySkip[];
  maps: Record<string, ChannelMaps>;
  attention: AttentionMaps[];
  pictures: XRayPicture[];
  time: TimeMaps;
  words: Record<"help" | "channels" | "channels_help" | "attention" | "attention_help" | "no_attention" | "time" | "time_help" | "similarity" | "norms", string>;
}

/** A block. `size`: (height, width) of its output. */
export interface XRayBlock {
  name: string;
  kind: string;
  part: string;
  size: number[];
  channels: number;
  parameters: number;
  short: string;
  title: string;
  help: string;
}

/** A skip connection; `off`: it passes nothing on. */
export interface XRaySkip {
  number: number;
  source: string;
  target: string;
  title: string;
  off: boolean;
}

/** Numbers of the channels that are sent, out of how many; none for an embedding. */
export interface ChannelMaps {
  shape: number[];
  max: number;
  i8: string;
  channels: number[];
  of: number;
}

/** The mean over heads, then single heads: uint8 rows, each scaled by its largest value, which `top` has as float32. */
export interface AttentionMaps {
  name: string;
  title: string;
  size: number[];
  heads: number;
  of: number;
  u8: string;
  top: string;
}

/** A picture as data URI. */
export interface XRayPicture {
  key: string;
  title: string;
  src: string;
  size: number[];
}

/** Cosine similarity between embeddings of times `t`, and the norm of what each block adds of one; `at`: which is now. */
export interface TimeMaps {
  t: number[];
  at: number;
  similarity: SignedMap;
  norms: UnsignedMap;
  blocks: string[];
}

/** int8 as base64. */
export interface SignedMap {
  shape: number[];
  max: number;
  i8: string;
}

/** uint8 as base64. */
export interface UnsignedMap {
  shape: number[];
  max: number;
  u8: string;
}

/** What rail.js shows: a lesson. `defaults`: of the settings of each lab in it, which an address leaves out. */
export interface Rail {
  number: number;
  title: string;
  goal: string;
  contents: string;
  steps: RailStep[];
  defaults: Record<string, Record<string, string>>;
  following: string;
}

/** One step. */
export interface RailStep {
  kind: string;
  lab: string;
  address: string;
  text: string;
  questions: RailQuestion[];
  done: RailCondition[];
  hint: string;
  model: string;
  names: string[];
  of: number[];
}

/** One question, with one of three kinds of answers. */
export interface RailQuestion {
  text: string;
  hint: string;
  choices: RailChoice[];
  number: RailNumber | null;
  order: RailOrder | null;
}

/** One answer of several. */
export interface RailChoice {
  text: string;
  right: boolean;
  why: string;
}

/** An answer on a slider, as `lesson.Number`, with the value of its answer. */
export interface RailNumber {
  low: number;
  high: number;
  step: number;
  unit: string;
  answer: number;
  within: number;
  mark: string;
  why: string;
}

/** Things to put in order, in the right one. */
export interface RailOrder {
  items: string[];
  why: string;
}

/** A fact of the lab, and what it has to be: `is_` as text, or bounds. */
export interface RailCondition {
  fact: string;
  is_: string | null;
  least: number | null;
  most: number | null;
}

/** What course_contents.js shows. */
export interface CourseContents {
  lessons: LessonOutline[];
}

/** A lesson in the contents: each of its steps has a kind, a line and an address. */
export interface LessonOutline {
  number: number;
  title: string;
  goal: string;
  minutes: number;
  section: string;
  steps: RailStep[];
}

/** What share_view.js shows: the controls of a lab, (name, title) of each. */
export interface ShareView {
  controls: ([string, string])[];
}

/** What class_bar.js shows. */
export interface ClassBar {
  code: string;
  defaults: Record<string, string>;
}

/** What class_opening.js shows: (number, title) of lessons, the most students, days that a class is kept, `PERMIT`. */
export interface ClassOpening {
  lessons: ([number, string])[];
  students: number;
  days: number;
  permit: string;
}

/** What class_teacher.js and class_projector.js show. */
export interface ClassPage {
  code: string;
  lesson: Rail | null;
  title: string;
  home: string;
}

/** What a browser carries out to sample: machine.js. */
export interface Program {
  shape: number[];
  classes: number;
  guided: boolean;
  classifier: boolean;
  steps: ProgramStep[];
}

/** One step. Its frame is (x, x0, noise) as registers hold them at its end; `next` is the x of the step after it. */
export interface ProgramStep {
  t: number;
  code: (Evaluate | Gradient | Sum | Guide | Rescale | Clamp | Threshold | Draw | ScaleByExp)[];
  x0: string;
  noise: string;
  next: string;
  parts: Record<string, string>;
}

/** The output of the network at `source`, once for each of `labels`, in one batch. */
export interface Evaluate {
  to: string[];
  source: string;
  time: number;
  labels: ("own" | "none")[];
  op: "evaluate";
}

/** ∇ log p(label | source) of the classifier, whose logits are multiplied by `signal`; 0 for a picture without a label. */
export interface Gradient {
  to: string;
  source: string;
  time: number;
  signal: number;
  op: "gradient";
}

/** plus + Σ weight × picture. */
export interface Sum {
  to: string;
  of: Record<string, number>;
  plus: number;
  op: "sum";
}

/** uncond + scale × (cond − uncond); one scale for all pictures or one for each. */
export interface Guide {
  to: string;
  cond: string;
  uncond: string;
  scale: number | number[];
  op: "guide";
}

/** source × (1 − share + share · std(like) / std(source)), with the standard deviation over each picture. */
export interface Rescale {
  to: string;
  source: string;
  like: string;
  share: number;
  op: "rescale";
}

/** source, clipped to low … high. */
export interface Clamp {
  to: string;
  source: string;
  low: number;
  high: number;
  op: "clamp";
}

/** source, clipped to ±s and divided by s: the quantile of |source| over each picture, at least 1. */
export interface Threshold {
  to: string;
  source: string;
  quantile: number;
  op: "threshold";
}

/** Fresh N(0, I), from the seed of each picture. */
export interface Draw {
  to: string;
  op: "draw";
}

/** source × exp(slope × by + offset): noise with a standard deviation of its own for each pixel. */
export interface ScaleByExp {
  to: string;
  source: string;
  by: string;
  slope: number;
  offset: number;
  op: "scale_by_exp";
}

/** A sampler in the browser. */
export interface LiveSampler {
  id: string;
  title: string;
  network: SentNetwork;
  classifier: SentNetwork | null;
  script: SentFile;
  plans: Record<string, Plan>;
  titles: Record<string, string>;
  recipes: Record<string, string>;
  class_names: string[];
  controls: string[];
  seed: number;
  label: number;
  scale: number;
  steps: number;
  count: number;
  grid: [number, number];
}

/** A network in half precision: its weights as a safetensors file, and its config as JSON, see `network_files`. */
export interface SentNetwork {
  hash: string;
  bytes: number;
  url: string;
  base64: string;
  config: string;
}

/** A file, for sent_network.js. */
export interface SentFile {
  hash: string;
  bytes: number;
  url: string;
  base64: string;
}

/** What is carried out with one number of steps, and the panels beside the pictures. */
export interface Plan {
  sides: Record<string, SidePlan>;
  panels: AlgorithmPanel[];
}

/** What is carried out for a side. */
export interface SidePlan {
  program: Program;
  shown: number[];
  index: number[];
}

/** The controls of a page. */
export interface SiteControls {
  controls: SiteControl[];
  rules: Rule[];
  first_visit: Record<string, string>;
  elsewhere: Record<string, [string, string]>;
  locked: string;
}

/** As `playground.labs.shared.controls.Control`, with its default and the values of its options as a link has them. */
export interface SiteControl {
  name: string;
  kind: string;
  title: string;
  help: string;
  default: string;
  low: number | null;
  high: number | null;
  step: number | null;
  options: ([string, string])[];
  group: string;
  slider: boolean;
  segmented: boolean;
  follows: string;
  choices: Record<string, ([string, string])[]>;
}

/** These controls have an effect only where `setting` has one of `values`. */
export interface Rule {
  names: string[];
  setting: string;
  values: string[];
  why: string;
}

/** What src/sampling.js shows. */
export interface SamplingPage {
  network: string;
  programs: string;
  recorded: Record<string, string>;
  class_names: string[];
  samplers: Record<string, string>;
  eta: string;
  variance: string;
}

/** Everything that live_microscope.js needs. */
export interface LiveMicroscope {
  id: string;
  network: SentNetwork;
  script: string;
  shape: number[];
  classes: number;
  guided: boolean;
  class_names: string[];
  parts: Record<string, LivePart>;
  trajectories: LiveTrajectory[];
  most_steps: number;
  variances: Record<string, string>;
  sampler: string;
  eta: string;
  variance: string;
  seed: number;
  label: number;
  scale: number;
  forks: string;
  cursor: Cursor;
  home: Cursor;
  most_forks: number;
  base: string;
  version: string;
}

/** A picture of a step: its symbol, in which {t} is the time, what it is, and the value that is drawn white. */
export interface LivePart {
  symbol: string;
  title: string;
  vmax: number;
}

/** One sampler on its way from noise to data. */
export interface LiveTrajectory {
  changes: Record<string, string>;
  name: string;
  title: string;
  steps: LiveStep[];
  restarts: (LiveStep | null)[];
}

/** A step as a program has it, and as a sum. */
export interface LiveStep {
  program: ProgramStep;
  to: number;
  progress: number;
  terms: Record<string, number>;
  others: string[];
  facts: ([string, string])[];
}

/** β_t of schedules, which `keys` names as `schedule_key`: a row for each, with β_1 … β_T for each T of `steps`. */
export interface ScheduleTables {
  keys: string[];
  steps: number[];
  beta: PackedFloats;
}

/** What static_site/src/forward.js shows. */
export interface ForwardPage {
  pictures: Record<string, PictureSet>;
  keys: Record<string, string>;
  processes: Record<string, ForwardFigure>;
}

/** The pictures of a data set that can be chosen: `numbers` of each class, one class after the other. */
export interface PictureSet {
  stored: string;
  shape: [number, number, number];
  numbers: number;
}

/** The figure of one process with the numbers of another picture, and what each of its panels shows. */
export interface ForwardFigure {
  figure: Timeline;
  panels: string[];
}

/** What static_site/src/schedules.js shows. */
export interface SchedulesPage {
  pictures: Record<string, PictureSet>;
  figure: Timeline;
  titles: Record<string, string>;
  colors: Record<string, string>;
  example: string;
  limits: ScheduleLimits;
  verdicts: Record<string, VerdictWords>;
  words: Record<string, string>;
  captions: Record<string, string[]>;
}

/** Constants of the engine and of the lab: of a drawn curve, and of the three zones of the terminal SNR. */
export interface ScheduleLimits {
  most_beta: number;
  least_beta: number;
  least_alpha_bar: number;
  pure_noise_snr: number;
  visible_snr: number;
}

/** What is said of a schedule's terminal SNR; the sentence has places for leak, pixels and times. */
export interface VerdictWords {
  icon: string;
  headline: string;
  sentence: string;
}

/** What static_site/src/training_map.js shows. */
export interface RecorderPage {
  maps: Record<string, TrainingSamplingMap>;
  stored: Record<string, string>;
  shape: [number, number, number];
}

/** What static_site/src/start.js shows. */
export interface StartPage {
  figure: Timeline;
  stored: string;
  shape: [number, number, number];
  seeds: number[];
  signal: number[];
  sigma: number[];
  noise_range: number;
}

/** Everything that live_points.js needs. */
export interface LivePoints {
  id: string;
  network: SentNetwork;
  script: string;
  clouds: LiveCloud[];
  seed: number;
  particles: number;
  T: number;
  steps_choices: number[];
  eta_choices: number[];
  fps: Record<string, number>;
  can_guide: boolean;
  steps: number;
  eta: number;
  scale: number;
  grid: PackedFloats;
  grid_side: number;
  data: PackedFloats;
  data_labels: PackedFloats | null;
  labels: number[] | null;
  class_names: string[];
  half_width: number;
}

/** One cloud: its title, in which {steps} and {scale} stand for its own, and its plans by "STEPS ETA", or by "STEPS" alone. */
export interface LiveCloud {
  key: string;
  title: string;
  plans: Record<string, LivePlan>;
  scale: number | null;
}

/** How one cloud is computed with some number of steps, and which of its frames are shown. */
export interface LivePlan {
  plain: Program;
  guided: Program | null;
  t: number[];
  shown: number[];
  frame_index: number[];
  arrows: number[];
  level_index: number[];
}

/** The choice, and what is sampled in the browser. */
export interface Where {
  chosen: "" | "browser" | "server";
  why: string;
  server_ms: number | null;
  waiting: number;
  sampler: LiveSampler | null;
  sweep: LiveSweep | null;
  drawn: number;
}

/** A grid of cells, each of as many images side by side, sampled in the browser. show: "x0" or "x". */
export interface LiveSweep {
  id: string;
  network: SentNetwork;
  classifier: SentNetwork | null;
  script: SentFile;
  batches: SweepBatch[];
  axes: Axes;
  images: number;
  positions: Position[];
  show: string;
}

/** Cells that are sampled in one batch, `engine.recipes.sweep.Batch`; a label and a scale for each image. */
export interface SweepBatch {
  program: Program;
  seeds: number[];
  labels: number[];
  scales: number[];
  cells: number[];
  shown: number[];
}

/** What src/run.js shows: `samples` during training, None where there are none. */
export interface RunPage {
  sampling: SamplingPage;
  samples: Timeline | null;
  charts: LiveChart[];
}

/** What src/microscope_page.js shows; the network and the script of the worker are stored. */
export interface MicroscopePage {
  network: string;
  live: LiveMicroscope;
}

/** What src/points_page.js shows. */
export interface PointsPage {
  live: LivePoints;
  class_names: Record<string, string[]>;
  plans: string;
}
