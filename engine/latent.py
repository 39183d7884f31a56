"""The variational bound of a model with one latent layer, the VAE's; Kingma & Welling 2014, arXiv:1312.6114, eq. 3.

    −log p(x)  ≤  E_q [ −log p(x | z) ]  +  KL( q(z | x) ‖ N(0, I) ),   z = mean + std · ε of q(z | x)

The first term is the reconstruction error, the second the rate, the code length of z. The bound of a diffusion model
(`engine.likelihood`) is the same inequality with x_1 … x_T for z: L_0 is its reconstruction, L_T its KL to the prior, and
L_1 … L_{T−1} have no counterpart here. Both take their last step, to 256 levels, from the same `Decoder`, so their bits per
dimension compare. They differ in that q(x_t | x_0) is fixed, not learned, and that x_t has the dimensions of the picture.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from engine.likelihood import DISCRETISED, Decoder, to_float64


class DiagonalGaussian(NamedTuple):
    """N(mean, diag(exp(log_variance))); diffusers calls it `DiagonalGaussianDistribution`."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """mean + std · noise, a draw for noise from N(0, I), by the reparameterisation trick: gradients reach mean and std."""
        return self.mean + (self.log_variance / 2).exp() * noise


class Autoencoder(Protocol):
    """A model with one latent layer under the prior N(0, I)."""

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """q(z | x) for x of shape (B, ...): each part of shape (B, latent)."""
        ...

    def decode(self, z: Tensor) -> DiagonalGaussian:
        """p(x | z) for z of shape (B, latent), before the decoder's 256 levels: each part of the picture's shape."""
        ...


class LatentBound(NamedTuple):
    """The two terms for each picture, in nats summed over its dimensions, each of shape (B,)."""

    reconstruction: Tensor
    """−log p(x | z) at the sampled z: an unbiased estimate of its mean over q(z | x)."""
    kl: Tensor
    """KL( q(z | x) ‖ N(0, I) ) in closed form."""

    @property
    def total(self) -> Tensor:
        """The negative ELBO: its mean over z is at least −log p(x)."""
        return self.reconstruction + self.kl


def latent_bound(model: Autoencoder, x: Tensor, noise: Tensor, decoder: Decoder = DISCRETISED) -> LatentBound:
    """Both terms of the bound, in float64 (float32 where the device has none); differentiable.

    Args:
        model: the autoencoder.
        x: shape (B, ...); for `DISCRETISED` pictures of 256 levels in [−1, 1].
        noise: of N(0, I), shape (B, latent).
        decoder: the likelihood of the data under the Gaussian p(x | z).
    """
    posterior = model.encode(x)
    return bound_of(x, posterior, model.decode(posterior.sample(noise)), decoder)


def bound_of(
    x: Tensor, posterior: DiagonalGaussian, pixels: DiagonalGaussian, decoder: Decoder = DISCRETISED
) -> LatentBound:
    """`latent_bound` for a z that is sampled and decoded already."""
    mean, log_variance = to_float64(pixels.mean), to_float64(pixels.log_variance)
    nats = -decoder.log_prob(to_float64(x), mean, (log_variance / 2).exp())
    return LatentBound(nats.flatten(1).sum(1), kl_to_prior(posterior))


def kl_to_prior(posterior: DiagonalGaussian) -> Tensor:
    """KL( N(mean, variance) ‖ N(0, I) ) = ½ Σ (mean² + variance − 1 − log variance) in nats, shape (B,)."""
    mean, log_variance = to_float64(posterior.mean), to_float64(posterior.log_variance)
    return 0.5 * (mean.square() + log_variance.expm1() - log_variance).sum(1)
