// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Records what a call would cost as a transaction of its own.
/// @dev forge's isolation mode drops transactions with blobs, so the cost is put together: a test function runs as a
/// transaction after `setUp`, with cold storage, and its first call is charged as in a real one; the base cost and the calldata
/// are added here. With AGOGE_RECORD_CALLS=true the call and the state that it reads are written to
/// target/calls, where `agoge-gas` measures them under other rules too.
abstract contract TransactionGas is Test {
    uint256 private constant BASE = 21_000;
    uint256 private constant ZERO_BYTE = 4;
    uint256 private constant OTHER_BYTE = 16;

    /// @dev EIP-7623: a transaction pays at least this for each token, and four tokens for a byte that is not zero.
    uint256 private constant FLOOR_TOKEN = 10;

    string private constant CALLS = "target/calls/";

    function _callAndRecord(address _to, uint256 _value, bytes memory _data, string memory _group, string memory _name)
        internal
    {
        if (vm.envOr("AGOGE_RECORD_CALLS", false)) _write(_to, _value, _data, string.concat(_group, ", ", _name));
        (bool success,) = _to.call{value: _value}(_data);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        assertTrue(success, "call");

        uint256 zeros = _zeros(_data);
        uint256 others = _data.length - zeros;
        uint256 standard = BASE + zeros * ZERO_BYTE + others * OTHER_BYTE + execution;
        uint256 floor = BASE + (zeros + 4 * others) * FLOOR_TOKEN;
        vm.snapshotValue(_group, _name, standard > floor ? standard : floor);
    }

    function _write(address _to, uint256 _value, bytes memory _data, string memory _name) private {
        string memory file = vm.replace(vm.replace(_name, ",", ""), " ", "-");
        string memory states = string.concat("states/", file, ".json");
        vm.createDir(string.concat(CALLS, "states"), true);

        // The call is tried once to learn what it reads.
        uint256 snapshot = vm.snapshotState();
        vm.startStateDiffRecording();
        (bool success,) = _to.call{value: _value}(_data);
        assertTrue(success, "recorded call");
        VmSafe.AccountAccess[] memory accesses = vm.stopAndReturnStateDiff();
        vm.revertToState(snapshot);
        vm.writeJson(_stateBefore(accesses), string.concat(CALLS, states));

        vm.serializeString(file, "name", _name);
        vm.serializeString(file, "alloc", states);
        vm.serializeAddress(file, "from", address(this));
        vm.serializeAddress(file, "to", _to);
        vm.serializeString(file, "value", vm.toString(bytes32(_value)));
        vm.serializeBytes(file, "data", _data);
        vm.serializeBytes32(file, "blob_hashes", vm.getBlobhashes());
        vm.serializeString(file, "block_number", vm.toString(bytes32(vm.getBlockNumber())));
        vm.serializeString(file, "timestamp", vm.toString(bytes32(vm.getBlockTimestamp())));
        string memory json = vm.serializeString(file, "chain_id", vm.toString(bytes32(block.chainid)));
        vm.writeJson(json, string.concat(CALLS, file, ".json"));
    }

    /// @dev Every account that was touched, with the slots that were, as they were before.
    function _stateBefore(VmSafe.AccountAccess[] memory _accesses) private returns (string memory json) {
        // From the last access to the first, so that the first word on a slot, which is the oldest, is the one that stays.
        for (uint256 i = _accesses.length; i > 0; --i) {
            VmSafe.StorageAccess[] memory slots = _accesses[i - 1].storageAccesses;
            for (uint256 j = slots.length; j > 0; --j) {
                VmSafe.StorageAccess memory slot = slots[j - 1];
                string memory account = vm.toString(slot.account);
                string memory storageJson =
                    vm.serializeBytes32(string.concat(account, "/storage"), vm.toString(slot.slot), slot.previousValue);
                vm.serializeString(account, "storage", storageJson);
            }
        }
        for (uint256 i = 0; i < _accesses.length; ++i) {
            address touched = _accesses[i].account;
            string memory account = vm.toString(touched);
            vm.serializeString(account, "balance", vm.toString(bytes32(touched.balance)));
            vm.serializeString(account, "nonce", vm.toString(bytes32(uint256(vm.getNonce(touched)))));
            json = vm.serializeString("states", account, vm.serializeBytes(account, "code", touched.code));
        }
    }

    function _zeros(bytes memory _data) private pure returns (uint256 count) {
        for (uint256 i = 0; i < _data.length; ++i) {
            if (_data[i] == 0) ++count;
        }
    }
}
