"""Options of `tlbench inspect` that strategies bring along."""

from click.testing import CliRunner

from tlbench.cli.inspect import command


def test_an_argument_of_two_strategies_is_told_of_each() -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert "l2_sp: pull of the backbone toward its first weights; wise_ft: share of the fine-tuned weights" in text
    assert "full, co_tuning: inference keeps" in text
