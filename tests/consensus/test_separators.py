import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.consensus.separators import opposed, signature

OPPOSITE = [
    ("The refund was approved in 5 days.", "The refund was denied in 5 days."),
    ("The refund was approved in 5 days.", "The refund was not approved in 5 days."),
    ("The refund was approved in 5 days.", "The refund wasn't approved in 5 days."),
    ("The refund was approved in 5 days.", "The refund wasn’t approved in 5 days."),
    ("The refund was approved in 5 days.", "The refund was approved in 6 days."),
    ("The refund was approved in 5 days.", "The refund was approved in 5 weeks."),
    ("The refund was approved in five days.", "The refund was approved in six days."),
    ("It costs 5 dollars.", "It costs $5 or so, 5%."),
    ("It opens on 2024-01-05.", "It opens on 2024-05-01."),
    ("We open on monday.", "We open on friday."),
    ("The item is available here.", "The item is unavailable here."),
    ("The trip is covered by it.", "The trip is uncovered by it."),
    ("Yes, you can return it.", "No, you can return it."),
    ("Yes.", "No."),
    ("Ask our Berlin office.", "Ask our Paris office."),
    ("Alice approved it yesterday.", "Bob approved it yesterday."),
    ("Send form AB12 to us.", "Send form AB13 to us."),
    ("The answer from NASA is here.", "The answer from ESA is here."),
    ("Prices will increase this week.", "Prices will decrease this week."),
    ("Die Erstattung wurde genehmigt.", "Die Erstattung wurde nicht genehmigt."),
    ("Die Erstattung wurde genehmigt.", "Die Erstattung wurde abgelehnt."),
    ("Le remboursement est accepté.", "Le remboursement n'est pas accepté."),
    ("Le remboursement est accepté.", "Le remboursement est refusé."),
    ("El reembolso fue aprobado.", "El reembolso fue rechazado."),
    ("Il rimborso è stato approvato.", "Il rimborso non è stato approvato."),
    ("O reembolso foi aprovado.", "O reembolso foi negado."),
    ("De terugbetaling is goedgekeurd.", "De terugbetaling is niet goedgekeurd."),
    ("Zwrot został przyznany.", "Zwrot nie został przyznany."),
    ("退款已批准", "退款未批准"),
    ("The temperature is -5.", "The temperature is 5."),
]

SAME = [
    ("The refund was approved in 5 days.", "The refund was approved in five days."),
    ("The refund was denied.", "The refund was not approved."),
    ("Yes, you can return it.", "You can return it."),
    ("No, you can not return it.", "You can not return it."),
    ("It costs 1,000 dollars.", "It costs 1000.00 dollars."),
    ("Your order has shipped.", "The order has shipped."),
    ("Sure! You can return it.", "Certainly, you can return it."),
    ("We ship to Berlin.", "To Berlin we ship."),
    ("It weighs 5kg.", "It weighs 5 kg."),
    ("THE ORDER HAS SHIPPED", "the order has shipped"),
    ("I think it's open.", "it's open, I'm sure"),
    ("Wir öffnen am Montag.", "Am Montag öffnen wir."),
]


@pytest.mark.parametrize(("one", "other"), OPPOSITE)
def test_what_says_something_else_is_kept_apart(one: str, other: str) -> None:
    assert opposed(signature(one), signature(other))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_says_the_same_may_be_merged(one: str, other: str) -> None:
    assert not opposed(signature(one), signature(other))


def test_no_before_a_noun_is_a_negation_and_no_answer() -> None:
    """`No refunds are possible` and `Refunds are possible` must stay apart, though no "no," leads the text."""
    assert signature("No refunds are possible").leading == 0
    assert signature("No refunds are possible").negations == 1
    assert (signature("No, refunds are fine").leading, signature("No, refunds are fine").negations) == (-1, 0)
    assert opposed(signature("No refunds are possible"), signature("Refunds are possible"))


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_is_symmetric_and_nothing_is_opposed_to_itself(one: str, other: str) -> None:
    a, b = signature(one), signature(other)

    assert opposed(a, b) == opposed(b, a)
    assert not opposed(a, a)


@pytest.mark.parametrize("text", ["", "...", "\ud800 5\udfff", "-", "5" * 5_000, "٣ days", "'", "½", "²"])
def test_odd_texts_have_a_signature(text: str) -> None:
    assert signature(text) == signature(text)


def test_figures_of_other_scripts_are_the_same_numbers() -> None:
    assert signature("٣").numbers == signature("３").numbers == signature("3").numbers == signature("three").numbers
