"""What a screen reader, a keyboard or weak eyes would miss on a page, found by a script in it."""

from __future__ import annotations

from typing import Any

FAULTS = """() => {
  const faults = [];
  const say = (what, node) => faults.push(`${what}: ${node.outerHTML.slice(0, 160)}`);
  const text = (node) => node?.textContent.trim() ?? '';
  const shown = (node) =>
    node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) &&
    !node.closest('.quiet, [aria-hidden=true]');
  const nodes = [...document.querySelectorAll('body *')].filter(shown);

  const named = 'button, a, input, select, progress, summary, [role=img], [role=option],' +
    '[role=application], [role=listbox], [role=tablist], [role=tabpanel], [role=group], dialog';
  const name = (node) =>
    node.ariaLabel || text(document.getElementById(node.getAttribute('aria-labelledby'))) ||
    [...(node.labels ?? [])].map(text).join('') || node.title || node.alt ||
    (node.matches('[role=listbox], [role=tablist], [role=group]') ? '' : text(node));
  for (const node of nodes) {
    if (node.matches(named) && !name(node)) say('has no name', node);
    if (node.matches('img') && !node.hasAttribute('alt')) say('has no alt', node);
    if (node.tabIndex > 0) say('jumps the order of Tab', node);
    for (const kind of ['aria-labelledby', 'aria-controls', 'aria-describedby'])
      if (node.hasAttribute(kind) && !document.getElementById(node.getAttribute(kind)))
        say(`${kind} names nothing`, node);
  }
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at)))
    faults.push(`two have the id ${id}`);

  let level = 0;
  const headings = [...document.querySelectorAll('main :is(h1, h2, h3, h4)')]
    .filter((node) => node.checkVisibility());
  for (const node of headings) {
    const now = Number(node.tagName[1]);
    if (now > level + 1) say(`skips from h${level}`, node);
    level = now;
  }
  if (headings.filter((one) => one.matches('h1')).length !== 1) faults.push('has not one h1');

  const numbers = (color) => {
    const found = (color.match(/[\\d.]+/g) ?? []).map(Number);
    const [r, g, b, alpha = 1] = color.startsWith('color(')
      ? [...found.slice(0, 3).map((one) => 255 * one), ...found.slice(3)] : found;
    return [r, g, b, alpha];
  };
  const over = (front, back) =>
    [0, 1, 2].map((at) => front[3] * front[at] + (1 - front[3]) * back[at]).concat(1);
  const ground = (node) => {
    if (!node) return numbers(getComputedStyle(document.body).backgroundColor);
    const own = numbers(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(node.parentElement));
  };
  const light = (color) => {
    const [r, g, b] = color.map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const node of nodes) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || node.matches(':disabled, option') || node.closest('[inert], svg')) continue;
    const style = getComputedStyle(node);
    const back = ground(node);
    const both = [light(over(numbers(style.color), back)), light(back)];
    const [low, high] = both.sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, node);
  }
  return faults;
}"""
"""Names, alternatives, headings, ids and contrast (WCAG 2.1: 1.1.1, 1.4.3, 2.4.3, 2.4.6, 4.1.2)."""

NOW = """() => {
  const node = document.activeElement;
  const box = node.getBoundingClientRect();
  const style = getComputedStyle(node);
  return {
    body: node === document.body,
    place: [...document.querySelectorAll('*')].indexOf(node),
    seen: box.width > 0 && box.height > 0,
    marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    what: node.outerHTML.slice(0, 120),
  };
}"""


def faults(page: Any) -> list[str]:
    """What is wrong on a page as it stands."""
    found: list[str] = page.evaluate(FAULTS)
    return found


def walked(page: Any, most: int = 200) -> tuple[int, list[str]]:
    """Go through a page by Tab: how many places there were, and what is wrong with some.

    Focus goes down the page, is seen and is marked at each, and none holds it.
    """
    page.evaluate("document.getElementById('skip').focus()")
    wrong, places = [], []
    for _ in range(most):
        page.keyboard.press("Tab")
        now = page.evaluate(NOW)
        if now["body"] or (places and now["place"] < places[-1]):
            return len(places), wrong
        if places and now["place"] == places[-1]:
            wrong.append(f"holds the focus: {now['what']}")
            return len(places), wrong
        places.append(now["place"])
        if not now["seen"]:
            wrong.append(f"is not seen: {now['what']}")
        if not now["marked"]:
            wrong.append(f"shows no focus: {now['what']}")
    return len(places), [*wrong, f"more than {most} places"]
