import pytest

from lookalike.sources.crawl.pages import (
    forbids_links,
    links,
    pictures,
    robots_meta,
    same_site,
    srcset,
)

Selector = pytest.importorskip("parsel").Selector
BASE = "https://example.com/gallery/index.html"


def _urls(html: str) -> list[str]:
    return [seen.url for seen in pictures(Selector(text=html), BASE)]


def test_plain_pictures_come_in_order_once_and_absolute() -> None:
    html = '<img src="a.jpg" alt="A"><img src="/b.jpg"><img src="a.jpg"><img src="//c.org/c.png">'
    assert _urls(html) == [
        "https://example.com/gallery/a.jpg",
        "https://example.com/b.jpg",
        "https://c.org/c.png",
    ]
    assert pictures(Selector(text=html), BASE)[0].title == "A"


def test_a_thumbnail_that_links_to_a_picture_gives_the_picture() -> None:
    html = '<a href="big/1.JPG?x"><img src="t1.jpg"></a><a href="page.html"><img src="t2.jpg"></a>'
    assert _urls(html) == [
        "https://example.com/gallery/big/1.JPG?x",
        "https://example.com/gallery/t2.jpg",
    ]


def test_the_largest_form_is_taken() -> None:
    html = (
        '<img src="s.jpg" srcset="m.jpg 640w, l.jpg 1280w, s.jpg 320w">'
        '<picture><source srcset="p.webp 1x, p2.webp 2x"><img src="p.jpg"></picture>'
    )
    assert _urls(html) == [
        "https://example.com/gallery/l.jpg",
        "https://example.com/gallery/p2.webp",
    ]


def test_lazy_pictures_are_found_behind_their_placeholder() -> None:
    html = '<img src="data:image/gif;base64,AAAA" data-src="real.jpg"><img src="data:image/gif,x">'
    assert _urls(html) == ["https://example.com/gallery/real.jpg"]


def test_links_to_pictures_and_the_page_picture_count_too() -> None:
    html = (
        '<meta property="og:image" content="/cover.jpg"><a href="x.png">download</a>'
        '<a href="javascript:void(0)">x</a><img src="blob:abc">'
    )
    assert _urls(html) == ["https://example.com/gallery/x.png", "https://example.com/cover.jpg"]


def test_the_base_of_a_page_is_respected() -> None:
    assert _urls('<base href="/other/"><img src="a.jpg">') == ["https://example.com/other/a.jpg"]


def test_links_leave_out_nofollow_pictures_and_other_schemes() -> None:
    html = (
        '<a href="2.html#top">2</a><a href="2.html">2</a><a href="3.html" rel="nofollow">3</a>'
        '<a href="pic.jpg">p</a><a href="mailto:a@b.c">m</a><a href="http://[bad">x</a>'
    )
    assert links(Selector(text=html), BASE) == ["https://example.com/gallery/2.html"]


def test_robots_meta_is_read_whatever_its_case() -> None:
    html = '<meta name="ROBOTS" content="NoAI, NoFollow"><meta name="lookalike" content="x">'
    directives = robots_meta(Selector(text=html))
    assert directives == "noai, nofollow, x"
    assert forbids_links(directives)
    assert not forbids_links("noai")


def test_srcset_with_commas_inside_addresses() -> None:
    assert srcset("https://x/w_100,h_50/a.jpg 1x, https://x/w_200,h_99/a.jpg 2x") == [
        ("https://x/w_100,h_50/a.jpg", 1.0),
        ("https://x/w_200,h_99/a.jpg", 2.0),
    ]


def test_a_site_is_a_host_and_what_lies_under_it() -> None:
    assert same_site("https://www.example.com/a", ("example.com",))
    assert same_site("https://img.example.com/a", ("www.example.com",))
    assert not same_site("https://example.com.evil.org/a", ("example.com",))
    assert not same_site("https://notexample.com/a", ("example.com",))
    assert same_site("https://cdn.net/a", ("example.com", "cdn.net"))
