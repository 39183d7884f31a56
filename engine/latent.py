"""The variational bound of a model with one latent layer, the VAE's; Kingma & Welling 2014, arXiv:1312.6114, eq. 3.

    −log p(x)  ≤  E_q [ −log p(x | z) ]  +  KL( q(z | x) ‖ N(0, I) ),   z = mean + std · ε of q(z | x)

The first term is the reconstruction, the second the bits that z takes. The bound of a diffusion model
(`engine.likelihood`) is the same inequality with x_1 … x_T for z: L_0 is its reconstruction, L_T its KL to the prior, and
L_1 … L_{T−1} have no counterpart here. Both take their last step, to 256 levels, from the same `Decoder`, so their bits
compare. What differs: nothing is learned in q(x_t | x_0), and x_t has as many numbers as the picture.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from engine.likelihood import DISCRETISED, Decoder, precise


class Gaussian(NamedTuple):
    """A normal distribution of each number on its own."""

    mean: Tensor
    log_variance: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """mean + std · noise: a draw where the noise is one of N(0, I); gradients flow to both."""
        return self.mean + (self.log_variance / 2).exp() * noise


class Autoencoder(Protocol):
    """A model with one latent layer under the prior N(0, I)."""

    def encode(self, x: Tensor) -> Gaussian:
        """q(z | x) for x of shape (B, ...): each part of shape (B, latent)."""
        ...

    def decode(self, z: Tensor) -> Gaussian:
        """p(x | z) for z of shape (B, latent), before the decoder's 256 levels: each part of the picture's shape."""
        ...


class LatentBound(NamedTuple):
    """The two terms for each picture, in nats summed over its numbers, each of shape (B,)."""

    reconstruction: Tensor
    """−log p(x | z) at the z that was drawn: unbiased for its mean over q(z | x)."""
    kl: Tensor
    """KL( q(z | x) ‖ N(0, I) ), exactly."""

    @property
    def total(self) -> Tensor:
        """On average over the draws of z at least −log p(x)."""
        return self.reconstruction + self.kl


def latent_bound(model: Autoencoder, x: Tensor, noise: Tensor, decoder: Decoder = DISCRETISED) -> LatentBound:
    """Both terms of the bound, in float64 (float32 where the device has none); differentiable.

    Args:
        model: the autoencoder.
        x: shape (B, ...); for `DISCRETISED` pictures of 256 levels in [−1, 1].
        noise: of N(0, I), shape (B, latent).
        decoder: how the Gaussian of the picture becomes a probability of data.
    """
    posterior = model.encode(x)
    return bound_of(x, posterior, model.decode(posterior.at(noise)), decoder)


def bound_of(x: Tensor, posterior: Gaussian, pixels: Gaussian, decoder: Decoder = DISCRETISED) -> LatentBound:
    """The same where z was drawn and decoded already."""
    mean, log_variance = precise(pixels.mean), precise(pixels.log_variance)
    nats = -decoder.log_prob(precise(x), mean, (log_variance / 2).exp())
    return LatentBound(nats.flatten(1).sum(1), kl_to_prior(posterior))


def kl_to_prior(posterior: Gaussian) -> Tensor:
    """KL( N(mean, variance) ‖ N(0, I) ) = ½ Σ (mean² + variance − 1 − log variance) in nats, shape (B,)."""
    mean, log_variance = precise(posterior.mean), precise(posterior.log_variance)
    return 0.5 * (mean.square() + log_variance.expm1() - log_variance).sum(1)
