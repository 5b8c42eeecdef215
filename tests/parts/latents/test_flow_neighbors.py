import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.parts.latents.flow import Neighbors


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_samples_lie_between_a_code_and_its_nearest_neighbor():
    codes = torch.tensor([[0.0, 0], [1, 0], [10, 0], [11, 0]])
    prior = Neighbors(dims=2, nearest=1, least=0.25)
    drawn = prior.draw(generator(), 200, prior.fit(codes, generator()))[:, 0]
    low, high = drawn[drawn < 5], drawn[drawn > 5]
    assert len(low) > 50
    assert len(high) > 50
    for part, start in ((low, 0.0), (high, 10.0)):
        assert part.min() >= start + 0.25 - 1e-5
        assert part.max() <= start + 0.75 + 1e-5


@given(st.integers(2, 40), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_samples_stay_in_the_range_of_the_codes(count, seed):
    codes = torch.randn(count, 3, generator=generator(seed))
    prior = Neighbors(dims=3)
    drawn = prior.draw(generator(seed), 50, prior.fit(codes, generator()))
    assert drawn.shape == (50, 3)
    assert (drawn.min(0).values >= codes.min(0).values - 1e-4).all()
    assert (drawn.max(0).values <= codes.max(0).values + 1e-4).all()


def test_before_the_first_fit_and_with_one_code_z_is_standard_normal():
    prior = Neighbors(dims=4)
    assert prior.fit(torch.zeros(1, 4), generator()) == {}
    drawn = prior.draw(generator(), 4_000, {})
    assert drawn.mean().abs() < 0.05
    assert (drawn.std() - 1).abs() < 0.05


def test_no_more_codes_are_kept_than_allowed():
    learned = Neighbors(dims=2, most=20).fit(torch.randn(50, 2), generator())
    assert learned["codes"].shape == (20, 2)
    assert learned["neighbors"].max() < 20


def test_with_labels_neighbors_are_of_the_same_class_and_a_class_can_be_asked_for():
    codes = torch.tensor([[0.0, 0], [9, 0], [1, 0], [10, 0]])
    labels = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    prior = Neighbors(dims=2, nearest=1, least=0.25)
    learned = prior.fit(codes, generator(), labels)
    assert learned["neighbors"][:, 0].tolist() == [1, 0, 3, 2]
    z, told = prior.draw_labeled(generator(), 50, learned, None)
    assert {tuple(row) for row in told.tolist()} == {(1.0, 0.0), (0.0, 1.0)}
    second = told[:, 1] == 1
    assert (z[second, 0] >= 1 + 0.25 * 9 - 1e-4).all()
    z, told = prior.draw_labeled(generator(), 50, learned, torch.tensor([1.0, 0]))
    assert (z[:, 0] <= 0.75 * 9 + 1e-4).all()
    assert told.tolist() == [[1.0, 0.0]] * 50


def test_how_many_neighbors_count_grows_with_the_set():
    def near(count):
        prior = Neighbors(dims=2, nearest=5)
        return prior.fit(torch.randn(count, 2), generator())["neighbors"].shape[1]

    assert [near(count) for count in (2, 50, 320, 900)] == [1, 2, 3, 5]
