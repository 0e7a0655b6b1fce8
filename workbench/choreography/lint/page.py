"""The docs of the rules, made from the rules themselves."""

from __future__ import annotations

from workbench.choreography.lint.rule import RULES, Rule, named

_HEAD = """\
# Checks on a design

`workbench lint DESIGN`, or `choreography.lint()` in Python, reads a design and reports what deserves
a second look. No service is started and no handler called (guards, mappings and upcasters, which are
data, are tried on made-up events), and nothing stops a design from being saved.

- **error**: it can't work as it stands; **warning**: a reviewer would ask; **note**: worth knowing.
  Some findings are less bad than their rule says; its passage tells when.
- `--format text`, `json` or `github` (annotations beside the changed lines of a pull request).
- Exit code 0: clean; 1: something is as bad as `--fail-on` (by default `warning`) or worse; 2: the
  design can't be read.
- `--explain RULE` prints a passage of this page, `--explain all` the whole page.

In a pull request (GitHub Actions):

```yaml
- run: workbench lint designs/orders --format github
```

## Silencing a rule

With a reason, in `choreography.yaml`:

```yaml
silenced:
  - rule: nobody-hears
    subject: OrderShipped
    reason: the warehouse's own system reads it
```

or in Python, `choreography.silence("nobody-hears", "OrderShipped", "the warehouse reads it")`. The
subject is what the finding is about: an event type, a field of one (`OrderPlaced.email`), a service,
a reaction (`billing/charge`) or a channel. Without a subject the rule is silent everywhere.
`--silenced` lists what is silenced, and why.

## The rules
"""


def explained(name: str) -> str:
    """The passage of the rule of that name; of ``all``, the whole page.

    Raises
    ------
    DesignError
        There is no such rule.
    """
    return page() if name == "all" else passage(named(name))


def passage(rule: Rule) -> str:
    """The passage of one rule, in Markdown."""
    return f"### {rule.name}\n\n*{rule.severity}*: {rule.passage}\n"


def page() -> str:
    """The whole page: ``docs/lint.md``."""
    rows = "".join(
        f"| [{rule.name}](#{rule.name}) | {rule.severity} | {rule.passage.splitlines()[0]} |\n"
        for rule in RULES.values()
    )
    table = f"| rule | severity | |\n|---|---|---|\n{rows}"
    return "\n".join([_HEAD, table, *map(passage, RULES.values())])
