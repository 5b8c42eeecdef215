from __future__ import annotations

import pytest
import torch

from lookalike import seeds
from lookalike.engine.sampler import Sampler
from lookalike.parts.latents.priors import Fitted, Normal, Prior, Uniform

PRIORS = [Normal(5), Uniform(5), Fitted(dims=5, components=3)]


def learned(prior: Prior) -> dict[str, torch.Tensor]:
    data = torch.randn(200, 5, generator=torch.Generator().manual_seed(1))
    return dict(prior.fit(data, torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: type(p).__name__)
def test_a_row_does_not_depend_on_the_batch_around_it(prior: Prior) -> None:
    sampler = Sampler(lambda z, labels: z, prior, learned(prior))
    many, _ = sampler.draw(3, 0, 64)
    assert many.shape == (64, prior.width)
    assert many.dtype == torch.float32
    for first, count in ((0, 1), (17, 1), (10, 5), (63, 1)):
        alone, _ = sampler.draw(3, first, count)
        assert torch.equal(alone, many[first : first + count])


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: type(p).__name__)
def test_a_draw_depends_on_its_generator_alone(prior: Prior) -> None:
    known = learned(prior)
    torch.manual_seed(5)
    first = prior.draw(seeds.generator(0, "z", 1), 8, known)
    torch.manual_seed(6)
    assert torch.equal(first, prior.draw(seeds.generator(0, "z", 1), 8, known))
    assert not torch.equal(first, prior.draw(seeds.generator(0, "z", 2), 8, known))


def test_the_stock_priors_have_their_moments() -> None:
    normal = Normal(4).draw(torch.Generator().manual_seed(0), 20_000, {})
    assert normal.mean(0).abs().max() < 0.03
    assert (normal.std(0) - 1).abs().max() < 0.03
    uniform = Uniform(4).draw(torch.Generator().manual_seed(0), 20_000, {})
    assert -1 <= float(uniform.min()) < -0.99
    assert 0.99 < float(uniform.max()) <= 1
    assert (uniform.var(0) - 1 / 3).abs().max() < 0.01


def mixture(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three far Gaussians with weights 0.5, 0.3, 0.2, one of them stretched along a diagonal."""
    drawn = torch.Generator().manual_seed(0)
    centers = torch.tensor([[0.0, 0.0], [12.0, 0.0], [0.0, 9.0]])
    which = torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), count, True, generator=drawn)
    noise = torch.randn(count, 2, generator=drawn)
    stretched = noise @ torch.tensor([[1.5, 1.5], [-0.1, 0.1]])
    return centers[which] + torch.where((which == 1)[:, None], stretched, 0.5 * noise), which


@pytest.mark.parametrize("seed", range(5))
def test_a_known_mixture_is_recovered(seed: int) -> None:
    data, _ = mixture(4_000)
    prior = Fitted(dims=2, components=3)
    known = prior.fit(data, torch.Generator().manual_seed(seed))
    drawn = prior.draw(torch.Generator().manual_seed(4), 20_000, known)
    centers = torch.tensor([[0.0, 0.0], [12.0, 0.0], [0.0, 9.0]])
    for points in (data, drawn):
        which = torch.cdist(points, centers).argmin(1)
        shares = torch.bincount(which, minlength=3) / len(points)
        assert (shares - torch.tensor([0.5, 0.3, 0.2])).abs().max() < 0.03
    near = drawn[torch.cdist(drawn, centers).argmin(1) == 1]
    covariance = torch.cov(near.T)
    wanted = torch.tensor([[2.26, 2.24], [2.24, 2.26]])  # 1.5^2 + 0.1^2 and 1.5^2 - 0.1^2
    assert (covariance - wanted).abs().max() < 0.25
    assert torch.linalg.vector_norm(drawn.mean(0) - data.mean(0)) < 0.15


def test_before_the_first_fit_it_is_standard_normal() -> None:
    prior = Fitted(dims=3, components=2)
    drawn = prior.draw(torch.Generator().manual_seed(0), 20_000, {})
    assert drawn.mean(0).abs().max() < 0.03
    assert (drawn.std(0) - 1).abs().max() < 0.03


def test_a_small_component_cannot_shrink_onto_its_pictures() -> None:
    drawn = torch.Generator().manual_seed(0)
    crowd = torch.randn(397, 2, generator=drawn)
    lonely = torch.full((3, 2), 60.0)  # three copies of one picture, far away
    prior = Fitted(dims=2, components=2, shrink=20.0)
    known = prior.fit(torch.cat([crowd, lonely]), torch.Generator().manual_seed(5))
    which = int(known["weights"].argmin())
    assert float(known["weights"][which]) == pytest.approx(3 / 400)
    # By hand: its own scatter is 0, so its covariance is 20 / (3 + 20) of the common one.
    residual = torch.cat([crowd - crowd.mean(0), torch.zeros(3, 2)])
    common = residual.T @ residual / 400
    root = known["roots"][which] @ torch.eye(2)
    scale = known["color"].diagonal()
    found = (root @ root.T) * scale[:, None] * scale[None, :]
    torch.testing.assert_close(
        found, common * 20 / 23 + 1e-4 * torch.diag(scale**2), rtol=1e-2, atol=1e-2
    )


def test_few_encodings_are_enough_for_one_component() -> None:
    prior = Fitted(dims=4, components=20)
    known = prior.fit(torch.randn(16, 4), torch.Generator().manual_seed(0))
    assert known["weights"].tolist() == [1.0]
    assert torch.isfinite(prior.draw(torch.Generator(), 10, known)).all()


def test_a_dimension_that_never_moves_stays_where_it_is() -> None:
    data = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    data[:, 1] = 0.7
    prior = Fitted(dims=3, components=3)
    known = prior.fit(data, torch.Generator().manual_seed(0))
    drawn = prior.draw(torch.Generator().manual_seed(1), 100, known)
    assert (drawn[:, 1] - 0.7).abs().max() < 1e-3
