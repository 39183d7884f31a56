"""The network in the reader's own browser: no queue, and no work for the server.

    unet.c           the arithmetic, without a libc; `build` compiles it to unet.wasm and unet-relaxed.wasm
    src/             ES modules: the network (unet.js), its sampling (machine.js, noise.js), and the worker (worker.js, team.js)
    program.py       compiles a recipe to a program: the coefficients of every step, from the engine's own code
    network.py       which networks the browser can evaluate, and their weights as it reads them
    script.py        the worker as one text

The browser knows no schedule, no sampler and no guidance: it evaluates the network, and multiplies and adds what the program
says. The protocol of the worker stands in src/worker.js.
"""
