"""The report of a run: one HTML file that opens without network, and its charts as PNG or SVG.

    from copilot_kit_evals.report.page import report_html, write_report

facts        what the report says, as data: the numbers of a run that `eval show` prints, taken from `summary.py`
headline     what stands on top, in words
ladders      claims of reliability, and how many clean cases they still need
horizons     time horizons, and their trend over release dates
costs        cost against quality, and the front
cases        the items one by one, and which ones flip
transcripts  what was said, made safe to show, in compressed packs up to a budget of bytes
figures      the charts by kind, made in comparisons, spending and claims of what is in charting
drawing      Vega itself: for the page, and PNG or SVG without a browser
page         all of it as one file, from the templates
"""
