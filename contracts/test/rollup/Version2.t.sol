// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TipsHandler, TipsInvariantTest} from "@agoge-test/invariant/TipsInvariant.t.sol";
import {BondsTest} from "@agoge-test/proving/Bonds.t.sol";
import {ClaimByQuoteTest} from "@agoge-test/proving/Claim.t.sol";
import {StalledTest, SupersededTest} from "@agoge-test/proving/ProposeProven.t.sol";
import {SettlementTest} from "@agoge-test/proving/Settlement.t.sol";
import {InboxTest} from "@agoge-test/rollup/Inbox.t.sol";
import {ParametersTest} from "@agoge-test/rollup/Parameters.t.sol";
import {ProposeTest, SmallSetTest} from "@agoge-test/rollup/Propose.t.sol";
import {PruneTest} from "@agoge-test/rollup/Prune.t.sol";
import {SeedTest} from "@agoge-test/rollup/Seed.t.sol";
import {NetworkTest} from "@agoge-test/support/NetworkTest.sol";
import {Version2Test} from "@agoge-test/support/Version2Test.sol";
import {IRollup, RollupConfig} from "@agoge/rollup/IRollup.sol";

// Every suite about a Rollup, once more for version 2: the two differ only in where committees are kept.

contract InboxV2Test is InboxTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract ParametersV2Test is ParametersTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract ProposeV2Test is ProposeTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract SmallSetV2Test is SmallSetTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract PruneV2Test is PruneTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract SeedV2Test is SeedTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract BondsV2Test is BondsTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract ClaimByQuoteV2Test is ClaimByQuoteTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract StalledV2Test is StalledTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract SupersededV2Test is SupersededTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract SettlementV2Test is SettlementTest, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract TipsHandlerV2 is TipsHandler, Version2Test {
    function _newRollup(RollupConfig memory _config) internal override(NetworkTest, Version2Test) returns (IRollup) {
        return Version2Test._newRollup(_config);
    }
}

contract TipsInvariantV2Test is TipsInvariantTest {
    function _newHandler() internal override returns (TipsHandler) {
        return new TipsHandlerV2();
    }
}
