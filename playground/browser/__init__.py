"""The network in the reader's own browser: no queue, and no work for the server.

    network.py       which networks a browser can evaluate, and their weights as it reads them
    program.py       compiles a recipe to a program: every evaluation and every coefficient, from the engine's own code
                     (prediction.py: of a denoiser; tracing.py: of a sampler's step; instructions.py: what a program is made of)
    unet.c           the arithmetic, without a libc; build.py compiles it to unet.wasm and unet-relaxed.wasm
    src/             ES modules: the networks (unet.js, noisy_classifier.js, point_mlp.js), what carries out a program
                     (machine.js, noise.js), the worker and its protocol (worker.js), and several workers (team.js)
    offered.py       a network with its weights inside, or the address where a page fetches them (serving/weights.py answers)
    script.py        the worker as one text
    live.py          a sampler with its programs, for components/src/live_sampler.js: the Sampling lab's "Live"

The browser knows no schedule, no sampler and no guidance: it evaluates the network, and multiplies and adds what the program
says. A page needs worker_script(), network_files() and compile_program(); a Content-Security-Policy has to allow
"worker-src blob:" and "script-src 'wasm-unsafe-eval'".
"""
