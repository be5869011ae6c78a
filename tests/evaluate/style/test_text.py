"""text: letters counted by hand, in several languages."""

import pytest

from distill.evaluate.style.text import FEATURES, measure

LETTER = """\
Hi **Anna**,

thank you for writing! Did you try
to restart it (e.g. twice)? It takes 3.5 minutes.

## Steps

1. Hold the button.
2. Wait

| a | b |
|---|---|
| 1 | 2 |

```
code? is. none!
```

Kind regards,
Tom
"""


def test_a_letter_by_hand() -> None:
    found = measure(LETTER)
    code = len("code?is.none!")
    # prose: the raw text of each paragraph, heading, item and cell, white space aside
    prose = len("Hi**Anna**,") + len("thankyouforwriting!Didyoutrytorestartit(e.g.twice)?Ittakes3.5minutes.")
    prose += len("Steps") + len("Holdthebutton.") + len("Wait") + len("ab12") + len("Kindregards,Tom")
    assert {name: found[name] for name in FEATURES} == dict.fromkeys(FEATURES, 0.0) | {
        "greeting": 1,
        "closing": 1,
        # Hi Anna, | thank you for writing! | … (e.g. | twice)? | … minutes. | Hold the button. | Wait | … Tom
        "sentences": 8,
        "questions": 1 / 8,
        "code_share": pytest.approx(code / (code + prose)),
        # greeting, thank … writing, Did … twice (e.g. is two), It … minutes (3.5 is two), heading, list, table, end
        "words": 2 + 4 + 9 + 5 + 1 + 4 + 4 + 3,
        "paragraphs": 3,
        "headings": 1,
        "numbered": 2,
        "tables": 1,
        "bold": 1,
    }


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("", "greeting", 0),
        ("Bonjour,\nmerci.", "greeting", 1),
        ("Hallo Frau Müller!\n\nDanke.", "greeting", 1),
        ("您好，\n\n谢谢您的来信。", "greeting", 1),
        ("Bonjour,", "greeting", 0),  # nothing follows
        ('```json\n{"order": 3}\n```\n\nDear Ann,\n\nyour parcel is on its way.', "greeting", 1),
        ("```\nx\n```", "greeting", 0),
        ("Here is the query:\n\nx", "greeting", 0),
        ("When you have tried all of these, go on.\n\nx", "greeting", 0),
        ("# Hi,\n\nx", "greeting", 0),
        ("> Hi,\n\nx", "greeting", 0),
        ("- Hi,\n\nx", "greeting", 0),
        ("Done.\n\nBest,\nAnna", "closing", 1),
        ("Valmis.\n\nYstävällisin terveisin", "closing", 1),
        ("Erledigt.\n\nViele Grüße!", "closing", 1),
        ("Best, Anna", "closing", 0),  # nothing stands before
        ("Done.\n\nIt is done.", "closing", 0),
        ("Done.\n\nIs it (done?)", "closing", 0),
        ("It is so because:\n\nfor this reason:", "closing", 0),
        ("Done.\n\nthis goes on for more than six words", "closing", 0),
        ("Done.\n\n- Anna", "closing", 0),
        ("One. Two! Three? Four… “Five.” Six", "sentences", 6),
        ("One.\nTwo.\n\n> Three.\n\n- Four", "sentences", 4),
        ("今天天气很好。你呢？", "sentences", 2),
        ("今天天气很好。你呢？", "questions", 1 / 2),
        ("هل أنت هنا؟", "questions", 1),
        ("Vraiment ? Oui.", "questions", 1 / 2),
        ("It costs 3.50 at example.org.", "sentences", 1),
        ("## Why?\n\n```\nwhy?\n```", "sentences", 0),
        ("don't well-known `code`", "words", 3),
        ("天气 and カナ", "words", 2 + 1 + 2),
        ("<b>one</b> [two](http://x.y/z) ![three](u)", "words", 3),
        ("a\n\nb\n\n- c\n\n> d", "paragraphs", 2),
        ("|a|\n|-|\n\nx\n\n|b|\n|-|\n|1|\n", "tables", 2),
        ("a | b\n", "tables", 0),
    ],
)
def test_features(text: str, feature: str, value: float) -> None:
    assert measure(text)[feature] == value
