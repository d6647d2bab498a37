// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CallRecorder} from "@agoge-test/support/CallRecorder.sol";

/// @notice Records what a call would cost as a transaction of its own.
/// @dev forge's isolation mode drops transactions with blobs, so the cost is put together: a test function runs as a
/// transaction after `setUp`, with cold storage, and its first call is charged as in a real one; the base cost and the calldata
/// are added here. With AGOGE_RECORD_CALLS=true nothing is measured; the call and the state that it reads are
/// written down instead (CallRecorder).
abstract contract TransactionGas is CallRecorder {
    uint256 private constant BASE = 21_000;
    uint256 private constant ZERO_BYTE = 4;
    uint256 private constant OTHER_BYTE = 16;

    /// @dev EIP-7623: a transaction pays at least this for each token, and four tokens for a byte that is not zero.
    uint256 private constant FLOOR_TOKEN = 10;

    function _callAndRecord(address _to, uint256 _value, bytes memory _data, string memory _group, string memory _name)
        internal
        returns (uint256 gas)
    {
        if (_isRecording()) {
            _recordCall(_to, _value, _data, string.concat(_group, ", ", _name));
            return 0;
        }
        (bool success,) = _to.call{value: _value}(_data);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        assertTrue(success, "call");

        uint256 zeros = _zeros(_data);
        uint256 others = _data.length - zeros;
        uint256 standard = BASE + zeros * ZERO_BYTE + others * OTHER_BYTE + execution;
        uint256 floor = BASE + (zeros + 4 * others) * FLOOR_TOKEN;
        gas = standard > floor ? standard : floor;
        vm.snapshotValue(_group, _name, gas);
    }

    function _zeros(bytes memory _data) private pure returns (uint256 count) {
        for (uint256 i = 0; i < _data.length; ++i) {
            if (_data[i] == 0) ++count;
        }
    }
}
