"""The report of a run: one HTML file that opens without network, and its plots as PNG or SVG.

    from copilot_kit_evals.report.page import report_html, write_report

facts       what the report says, as data; every number of a run that `eval show` prints comes from `summary.py`
ladders     claims of reliability, and how many clean cases they still need
horizons    time horizons, and their trend over release dates
cases       the items one by one, and which ones flip
transcripts what was said, made safe to show, in compressed packs up to a budget of bytes
figures     the charts, as Vega-Lite
drawing     Vega itself: for the page, and PNG or SVG without a browser
"""
