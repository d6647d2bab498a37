// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Writes a call and the state that it reads to target/calls, where `agoge-gas` measures them under other rules too.
/// @dev The call is tried once to learn what it reads; that warms storage, so its gas means nothing afterwards.
abstract contract CallRecorder is Test {
    string private constant CALLS = "target/calls/";
    string private constant STATES = "target/calls/states/";

    function _isRecording() internal view returns (bool) {
        return vm.envOr("AGOGE_RECORD_CALLS", false);
    }

    function _recordCall(address _to, uint256 _value, bytes memory _data, string memory _name) internal {
        vm.createDir(STATES, true);
        string memory file = string.concat(vm.replace(vm.replace(_name, ",", ""), " ", "-"), ".json");
        uint256 snapshot = vm.snapshotState();
        vm.startStateDiffRecording();
        (bool success,) = _to.call{value: _value}(_data);
        assertTrue(success, "recorded call");
        VmSafe.AccountAccess[] memory accesses = vm.stopAndReturnStateDiff();
        vm.revertToState(snapshot);
        _writeStorage(accesses);
        vm.writeJson(_accounts(accesses), string.concat(STATES, file));
        _writeCall(_to, _value, _data, _name, file);
    }

    function _writeCall(address _to, uint256 _value, bytes memory _data, string memory _name, string memory _file)
        private
    {
        vm.serializeString(_file, "name", _name);
        vm.serializeString(_file, "alloc", string.concat("states/", _file));
        vm.serializeAddress(_file, "from", address(this));
        vm.serializeAddress(_file, "to", _to);
        vm.serializeBytes32(_file, "value", bytes32(_value));
        vm.serializeBytes(_file, "data", _data);
        vm.serializeBytes32(_file, "blob_hashes", vm.getBlobhashes());
        vm.serializeBytes32(_file, "block_number", bytes32(vm.getBlockNumber()));
        vm.serializeBytes32(_file, "timestamp", bytes32(vm.getBlockTimestamp()));
        string memory json = vm.serializeBytes32(_file, "chain_id", bytes32(block.chainid));
        vm.writeJson(json, string.concat(CALLS, _file));
    }

    /// @dev From the last access to the first: the first word on a slot, which is the oldest, is the one that stays.
    function _writeStorage(VmSafe.AccountAccess[] memory _accesses) private {
        for (uint256 i = _accesses.length; i > 0; --i) {
            for (uint256 j = _accesses[i - 1].storageAccesses.length; j > 0; --j) {
                _writeSlot(_accesses[i - 1].storageAccesses[j - 1]);
            }
        }
    }

    function _writeSlot(VmSafe.StorageAccess memory _access) private {
        string memory account = vm.toString(_access.account);
        string memory slots = string.concat(account, "/storage");
        string memory json = vm.serializeBytes32(slots, vm.toString(_access.slot), _access.previousValue);
        vm.serializeString(account, "storage", json);
    }

    function _accounts(VmSafe.AccountAccess[] memory _accesses) private returns (string memory json) {
        for (uint256 i = 0; i < _accesses.length; ++i) {
            json = vm.serializeString("states", vm.toString(_accesses[i].account), _account(_accesses[i].account));
        }
    }

    function _account(address _address) private returns (string memory) {
        string memory account = vm.toString(_address);
        vm.serializeBytes32(account, "balance", bytes32(_address.balance));
        vm.serializeBytes32(account, "nonce", bytes32(uint256(vm.getNonce(_address))));
        return vm.serializeBytes(account, "code", _address.code);
    }
}
