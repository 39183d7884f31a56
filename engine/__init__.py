"""Denoising diffusion, from the noise schedule to the trained network, written to be read beside the papers.

Read in this order: `schedule`, `process`, `denoiser`, `ideal`, `guidance`, `samplers`, `sampling`, `inversion`,
`likelihood`; then `models.unet`, `training.objective`, `training.loop`.
Nothing in here imports a front end.
"""
