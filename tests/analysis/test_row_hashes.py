"""Of the hashes of all rows it is known which flows are large and which share an event."""

import numpy as np
import pandas as pd
import pytest

from workbench.analysis.row_hashes import RowHashes


@pytest.fixture(scope="module")
def dealt(tmp_path_factory):
    """The hashes of 20,000 rows in five files, and the same as a table."""
    random = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("hashes")
    tables = []
    for number in range(5):
        flow = random.integers(0, 2**64, 900, dtype=np.uint64)[random.integers(0, 900, 4_000)]
        flow[: 700 * number] = 77  # a hot one
        flow[-200:] = 0
        identity = random.integers(1, 2**64, 4_000, dtype=np.uint64)
        identity[1_000:1_020] = identity[2_000:2_020]
        identity[-20:] = 0
        RowHashes(folder).add(flow, identity, f"{number}")
        tables.append(pd.DataFrame({"flow": flow, "identity": identity}))
    return RowHashes(folder), pd.concat(tables)


@pytest.mark.parametrize("most", [0, 4, 5, 8, 6_000, 7_000])
def test_the_large_flows_are_those_of_more_rows(dealt, most):
    hashes, table = dealt
    sizes = table.loc[table["flow"] > 0, "flow"].value_counts()
    assert set(hashes.larger_than(most)) == set(sizes.index[sizes > most])


def test_what_is_shared_is_in_more_than_one_flow(dealt):
    hashes, table = dealt
    table = table[table["identity"] > 0]
    flows = table.groupby("identity")["flow"].nunique()
    shared = flows.index[flows > 1]
    holders = table.loc[table["identity"].isin(shared) & (table["flow"] > 0), "flow"]
    found, found_flows = hashes.shared()
    assert 0 < len(shared) < 200
    assert set(found) == set(shared)
    assert set(found_flows) == set(holders)
