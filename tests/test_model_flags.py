"""`--task=NAME:KEY=VALUE,...`"""

import pytest

from albert_jax.commands.model_flags import task_settings
from albert_jax.errors import UserError


def test_settings_have_the_types_of_their_fields():
    assert task_settings(None) == (None, {})
    assert task_settings("sst2") == ("sst2", {})
    assert task_settings("text:text=review,length=64,dev_share=0.5,labels=bad|so so|good") == (
        "text",
        {"text": "review", "length": 64, "dev_share": 0.5, "labels": ("bad", "so so", "good")},
    )
    assert task_settings("choice:question=q,options=a, b,length=64") == (
        "choice",
        {"question": "q", "options": "a, b", "length": 64},
    )
    assert task_settings("text:labels=bad,so so,good")[1] == {"labels": ("bad", "so so", "good")}
    assert task_settings("squad1:skip_answerless=true") == ("squad1", {"skip_answerless": True})


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sst3", "task 'sst3' is unknown; choose one of "),
        ("", "task '' is unknown"),
        ("text:txt=a", "--task: 'txt=a' is no setting of text; known are name, data_dir"),
        ("text:length", "--task: 'length' is no setting"),
        ("text:text=a,lable=b", "--task: 'lable=b' is no setting of text"),
        ("text:length=64,pair", "--task: length is '64,pair'; it must be of type int"),
        ("text:length=long", "--task: length is 'long'; it must be of type int"),
        ("squad1:skip_answerless=1", "--task: skip_answerless is '1'; it must be of type bool"),
    ],
)
def test_what_cannot_be_understood_is_named(argument, message):
    with pytest.raises(UserError) as error:
        task_settings(argument)
    assert str(error.value).startswith(message)
