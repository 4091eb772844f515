"""What the model answers when it is asked to sum up a record: the facts and corrections in it, as many as may be."""

import re

from copilot_kit.request import Request

_MOST = re.compile(r"in at most (\d+) words")
_BOOKED = re.compile(r'call book \{"record": ?(\d+), ?"account": ?"(\w)", ?"amount": ?"([\d.]+)"\}')
_READ = re.compile(r"Record (\d+)\. .*?The customer is ([^.]+) of (\w+)\. .*?The amount is ([\d.]+) EUR\.")
_CORRECTION = re.compile(r"Correction \d+: [^.]+(?:\.\d\d)?\.")


def summed_up(request: Request) -> str:
    """Return the record's facts in lines of notes, the latest first, below what the user corrected."""
    record = request.messages[-1].text
    most = _MOST.search(record)
    words = int(most[1]) if most else 150
    read = {int(number): (customer, city) for number, customer, city, _ in _READ.findall(record)}
    lines = list(dict.fromkeys(_CORRECTION.findall(record)))
    for number, account, amount in reversed(_BOOKED.findall(record)):
        if int(number) in read:
            customer, city = read[int(number)]
            lines.append(f"{number} | {customer} | {amount} | {city} | {account}")
    kept: list[str] = []
    for line in lines:
        words -= len(line.split())
        if words < 0:
            break
        kept.append(line)
    return "\n".join(kept) or "Nothing was done yet."
