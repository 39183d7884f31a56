"""The start page, and the links from lab to lab."""

from __future__ import annotations

from playground.labs.home import text, view


def test_next_leads_through_every_lab_in_the_order_of_the_start_page() -> None:
    addresses = [address for address, *_rest in text.LABS]
    visited = [addresses[0]]
    while (following := view.next_links(visited[-1])[0].address) and len(visited) <= len(addresses):
        visited.append(following)
    assert visited == addresses
    shown = [lab for _group, labs in view.lab_groups() for lab in labs]
    assert [lab.address for lab in shown] == addresses
    assert [lab.title.split(".")[0] for lab in shown] == [str(number + 1) for number in range(len(addresses))]
