"""Worked calls of the support tools: a customer's words, and the action that fits them.

They belong to the tools and go to every model. None of them is a ticket of the demo.
"""

from copilot_kit.request import Example


def _refund(words: str, order: str, amount: float, reason: str) -> Example:
    return Example(situation=words, arguments={"order": order, "amount": amount, "reason": reason})


def _reply(words: str, template: str, name: str) -> Example:
    return Example(situation=words, arguments={"template": template, "name": name})


REFUND = (
    _refund(
        "The vase from order HP-2001 arrived broken in pieces. Please give me my money back.\nAnn Lee",
        "HP-2001",
        25.0,
        "damaged",
    ),
    _refund(
        "There is a crack in the plate (HP-2011) and a corner is chipped. I want a refund.\nOmar",
        "HP-2011",
        18.5,
        "damaged",
    ),
    _refund(
        "My radio HP-2021 is defective, it does not turn on and the case is split. Refund it please.\nRita Voss",
        "HP-2021",
        49.9,
        "damaged",
    ),
    _refund(
        "Order HP-2002 never arrived, the parcel was lost. I want a refund.\nJoe", "HP-2002", 12.0, "never_arrived"
    ),
    _refund(
        "I have waited seven weeks for HP-2012 and nothing came. The courier lost it, so return my money.\nIvy Chen",
        "HP-2012",
        75.0,
        "never_arrived",
    ),
    _refund(
        "Dear team, HP-2022 was not delivered to me. It got lost on the way. I ask for a full refund.\nCarl Bauer",
        "HP-2022",
        33.2,
        "never_arrived",
    ),
    _refund(
        "The post office says that the parcel with HP-2032 is lost. I never received it. Please pay me back.\nNora",
        "HP-2032",
        21.0,
        "never_arrived",
    ),
    _refund(
        "I ordered a pan (HP-2004) but you sent me a book. I want my money back.\nKim Wu", "HP-2004", 29.9, "wrong_item"
    ),
    _refund(
        "In my parcel HP-2014 was the wrong product, a scarf instead of a jacket. Please refund.\nPaul Roy",
        "HP-2014",
        80.0,
        "wrong_item",
    ),
    _refund(
        "You sent me somebody else's item in HP-2024, and the wrong colour too. Refund please.\nZoe",
        "HP-2024",
        15.0,
        "wrong_item",
    ),
    _refund(
        "Dear Sir or Madam,\nmy parcel HP-2042 was not delivered at all. The carrier says that it is lost.\nJohn Ward",
        "HP-2042",
        54.0,
        "never_arrived",
    ),
    _refund("HP-2031 came smashed, it is cracked all over. money back pls\njoel", "HP-2031", 31.0, "damaged"),
    _refund(
        "got the wrong thing in HP-2034, i ordered a hat and there are socks. refund\nmia", "HP-2034", 9.9, "wrong_item"
    ),
    _refund(
        "I have still not received HP-2052 after a month. It must be lost. Refund me please.\nOlga",
        "HP-2052",
        45.0,
        "never_arrived",
    ),
    _refund(
        "nothing came, HP-2062 is lost says the courier. give me my money back\ndan", "HP-2062", 27.5, "never_arrived"
    ),
)
REPLY = (
    _reply("I can't sign in, I forgot my password.\nTim Cole", "password_reset", "Tim"),
    _reply("How can I reset the password of my account? The login fails.\nGina", "password_reset", "Gina"),
    _reply("My account is locked and I need a new password to log in.\nAbe Stern", "password_reset", "Abe"),
    _reply("When will my order HP-2003 be delivered? Where is the parcel now?\nEva Hill", "tracking", "Eva"),
    _reply("Has HP-2013 been shipped? I would like to track it.\nHugo", "tracking", "Hugo"),
    _reply(
        "What is the status of the delivery of HP-2023? On which day does it arrive?\nLara Pitt", "tracking", "Lara"
    ),
    _reply(
        "Thank you for order HP-2033. Do you know when the parcel comes? I am waiting for it.\nOle", "tracking", "Ole"
    ),
    _reply("Please send me the invoice for order HP-2005.\nRob Day", "invoice", "Rob"),
    _reply("I need a receipt with the VAT for order HP-2025, my accountant asks for it.\nSue", "invoice", "Sue"),
    _reply(
        "Could you email me a copy of the invoice of HP-2035 as PDF? It is for my company.\nDora Fink",
        "invoice",
        "Dora",
    ),
    _reply("The bill for HP-2015 is missing, can I have a PDF copy for my taxes?\nJan Kok", "invoice", "Jan"),
    _reply("cant get into my acount, i forgot the pasword. what now\nfred", "password_reset", "Fred"),
    _reply("hey, is HP-2043 on its way yet? what day will it come\nkai", "tracking", "Kai"),
    _reply("May I ask for a receipt of order HP-2045? My employer pays for it.\nMany thanks, Iris", "invoice", "Iris"),
    _reply("Would you please send the receipt for HP-2055? I need it at work.\nBest wishes, Nils", "invoice", "Nils"),
)
ESCALATE = (
    Example(situation="My lawyer will take you to court.\nMax Orr", arguments={"team": "legal"}),
    Example(
        situation="We will file a lawsuit against your company. Signed, the attorney.\nIna Falk",
        arguments={"team": "legal"},
    ),
    Example(situation="The heater burned my hand, it is dangerous.\nUna Ray", arguments={"team": "safety"}),
    Example(
        situation="Your toaster caught fire and my daughter was hurt, she is in hospital.\nBill",
        arguments={"team": "safety"},
    ),
)
CLOSE = (
    Example(situation="Everything is fine now, thank you!\nLily", arguments={"reason": "thanks"}),
    Example(
        situation="Great service, the order is perfect. Thanks, nothing else needed.\nSven Dahl",
        arguments={"reason": "thanks"},
    ),
    Example(situation="Click here to win a free prize!!!\nMega Deals", arguments={"reason": "spam"}),
    Example(
        situation="Cheap backlinks and SEO, special offer, get more visitors today.\nWeb Boost",
        arguments={"reason": "spam"},
    ),
)
