"""What a run of prepare remembers of every picture, against plain dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.augment.transforms import original_of
from lookalike.data.decode.decode import PictureFacts
from lookalike.data.decode.ingest import DigestTable, IngestLog
from lookalike.data.decode.worker import Accepted, Marks
from lookalike.data.readers.base import PictureFile
from lookalike.data.similarity.near_duplicates import connected

NAMES = ["a.png", "a__fliph.png", "b.png", "b__rot_90.png", "c__words.png", "d.png"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40) | st.integers(0, 2**63 - 1), max_size=60))
def test_numbers_have_the_places_that_a_dictionary_gives(numbers: list[int]) -> None:
    table, known = DigestTable(), dict[int, int]()
    for number in numbers:
        assert table.place(number) == known.setdefault(number, len(known))
    assert np.asarray(table).tolist() == list(known)


def test_a_table_grows_and_forgets_nothing_even_where_all_want_one_slot() -> None:
    numbers = [1024 * one for one in range(600)] + list(range(1, 5000, 7))
    table = DigestTable()
    places = [table.place(number) for number in numbers]
    assert places == [table.place(number) for number in numbers]
    assert len(table) == len(set(numbers)) == max(places) + 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 9)), min_size=1, max_size=12))
def test_pictures_of_one_origin_are_tied_and_no_others(came: list[tuple[str, int]]) -> None:
    log, ties = IngestLog(), []
    digests, firsts = dict[int, int](), dict[str, int]()
    blank, facts = np.zeros((1, 1, 1), np.uint8), PictureFacts("", 1, 1, "PNG", "RGB")
    for name, digest in came:
        number = digests.setdefault(digest, len(digests))
        ties.append((firsts.setdefault(original_of(name), number), number))
        picture = Accepted(blank, facts, Marks(digest, 1 << 63, 3, blank))
        log.accept(PictureFile(name, 1, 1), picture)
    assert len(log.names) == len(digests)
    tied = connected(len(digests), np.array(ties, np.int64))
    assert connected(len(digests), log._ties()).tolist() == tied.tolist()
