// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CommitteeLib} from "@agoge/rollup/CommitteeLib.sol";
import {Attestations, IRollup} from "@agoge/rollup/IRollup.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title AttestationLib
/// @notice Checks an attestation set: its form, the threshold, and every signature in it (docs/protocol.md, section 11).
library AttestationLib {
    uint256 private constant SIGNATURE_BYTES = 64;

    /// @notice Attestations that a block needs, more than two thirds.
    function threshold(uint256 _committeeSize) internal pure returns (uint256) {
        return 2 * _committeeSize / 3 + 1;
    }

    /// @notice Reverts unless the set is well formed, large enough and all of it valid.
    /// @param _digest EIP-712 digest of the Attestation.
    /// @param _attestations The set.
    /// @param _committee Packed committee.
    /// @param _committeeSize Its number of members.
    function requireValid(
        bytes32 _digest,
        Attestations calldata _attestations,
        bytes memory _committee,
        uint256 _committeeSize
    ) internal pure {
        uint256 bitmap = _attestations.bitmap;
        require(
            _committeeSize == 256 || bitmap >> _committeeSize == 0,
            IRollup.Rollup__BitmapOutOfCommittee(bitmap, _committeeSize)
        );
        uint256 count = _countBits(bitmap);
        require(
            count >= threshold(_committeeSize), IRollup.Rollup__TooFewAttestations(count, threshold(_committeeSize))
        );
        bytes calldata signatures = _attestations.signatures;
        require(
            signatures.length == count * SIGNATURE_BYTES,
            IRollup.Rollup__WrongSignaturesLength(signatures.length, count * SIGNATURE_BYTES)
        );

        uint256 offset = 0;
        // No overflow: a bitmap has 256 bits.
        unchecked {
            for (uint256 i = 0; bitmap != 0; ++i) {
                if (bitmap & 1 == 1) {
                    bytes32 r;
                    bytes32 vs;
                    assembly ("memory-safe") {
                        // The length was checked once, above; slices with bounds checks cost 130 gas more for each signature.
                        r := calldataload(add(signatures.offset, offset))
                        vs := calldataload(add(signatures.offset, add(offset, 32)))
                    }
                    address expected = CommitteeLib.memberAt(_committee, i);
                    require(isSignedBy(_digest, r, vs, expected), IRollup.Rollup__WrongAttestation(i, expected));
                    offset += SIGNATURE_BYTES;
                }
                bitmap >>= 1;
            }
        }
    }

    /// @notice Whether a compact, low-s signature is of a key.
    function isSignedBy(bytes32 _digest, bytes32 _r, bytes32 _vs, address _expected) internal pure returns (bool) {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(_digest, _r, _vs);
        return problem == ECDSA.RecoverError.NoError && signer == _expected;
    }

    function _countBits(uint256 _bitmap) private pure returns (uint256 count) {
        // No overflow: the bitmap is not zero there.
        unchecked {
            for (; _bitmap != 0; _bitmap &= _bitmap - 1) {
                ++count;
            }
        }
    }
}
