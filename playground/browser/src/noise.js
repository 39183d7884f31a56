// The noise of torch's generator on a CPU: the same seed gives the same picture here and on the server.
//
// As `SeededNoise` of engine/sampling.py draws it: `torch.randn` with a generator for each picture. A generator is a Mersenne Twister
// (Matsumoto & Nishimura 1998, https://doi.org/10.1145/272991.272995); from 16 numbers on, torch fills them with uniform numbers
// and turns each 16 into normal ones after Box and Muller, in single precision (aten/src/ATen/native/cpu/DistributionTemplates.h).
// Logarithms and cosines are rounded otherwise in other libraries, so the numbers agree to about 1e-6, not to the last bit.

const [N, M] = [624, 397];

/** mt19937, seeded with the low 32 bits of `seed`, as torch does. */
class MersenneTwister {
  /** @param {number} seed  a whole number, 0 … 2⁵³ − 1 */
  constructor(seed) {
    this.state = new Uint32Array(N);
    this.state[0] = seed % 2 ** 32;
    for (let i = 1; i < N; i++) {
      const before = this.state[i - 1];
      this.state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
    this.at = N;
  }

  /** 32 random bits. */
  next() {
    if (this.at === N) this.twist();
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  twist() {
    const { state } = this;
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }
}

const WHOLE = 16;

/** The generator of one picture. */
class Generator {
  /** @param {number} seed */
  constructor(seed) {
    this.bits = new MersenneTwister(seed);
    /** @type {number | null} the second normal number of a pair */
    this.kept = null;
  }

  /** Fills with N(0, 1), as one call of torch.randn. @param {Float32Array} out */
  fill(out) {
    if (out.length < WHOLE) {
      for (let i = 0; i < out.length; i++) out[i] = this.single();
      return;
    }
    for (let i = 0; i < out.length; i++) out[i] = this.uniform();
    let from = 0;
    for (; from + WHOLE <= out.length; from += WHOLE) normal(out.subarray(from, from + WHOLE));
    if (from < out.length) { // the last 16 anew, as torch does
      const last = out.subarray(out.length - WHOLE);
      for (let i = 0; i < WHOLE; i++) last[i] = this.uniform();
      normal(last);
    }
  }

  uniform() {
    return (this.bits.next() & 0xffffff) / 2 ** 24;
  }

  /** In double precision. */
  uniformDouble() {
    const high = this.bits.next();
    return ((high & 0x1fffff) * 2 ** 32 + this.bits.next()) / 2 ** 53;
  }

  /** A single number, made two at a time in double precision. */
  single() {
    if (this.kept !== null) {
      const { kept } = this;
      this.kept = null;
      return kept;
    }
    const angle = 2 * Math.PI * this.uniformDouble();
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniformDouble()));
    this.kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** 16 uniform numbers to normal ones. @param {Float32Array} u */
function normal(u) {
  const half = WHOLE / 2;
  for (let i = 0; i < half; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - u[i]));
    const angle = Math.fround(2 * Math.PI) * u[i + half];
    u[i] = radius * Math.cos(angle);
    u[i + half] = radius * Math.sin(angle);
  }
}

/** Noise with a seed for each picture. */
export class SeededNoise {
  /** @param {number[]} seeds @param {number} size  numbers in one picture */
  constructor(seeds, size) {
    this.generators = seeds.map((seed) => new Generator(seed));
    this.size = size;
  }

  /** Fresh N(0, I), one picture after the other. */
  draw() {
    const out = new Float32Array(this.generators.length * this.size);
    this.generators.forEach((generator, b) => generator.fill(out.subarray(b * this.size, (b + 1) * this.size)));
    return out;
  }
}
