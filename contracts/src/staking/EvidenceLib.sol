// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MessageLib} from "@agoge/rollup/MessageLib.sol";
import {Evidence, IStaking, MessageKind, SignedMessage} from "@agoge/staking/IStaking.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title EvidenceLib
/// @notice Decides whether two signed messages prove an equivocation, and whose (docs/protocol.md, section 11).
library EvidenceLib {
    /// @notice The key that signed both messages.
    /// @dev Reverts with `Staking__NotEquivocation`, `Staking__InvalidSignature` or `Staking__SignersDiffer`.
    function recoverEquivocator(Evidence calldata _evidence) internal view returns (address signer) {
        bytes32 first = _structHash(_evidence, _evidence.first);
        bytes32 second = _structHash(_evidence, _evidence.second);
        require(first != second, IStaking.Staking__NotEquivocation());

        bytes32 domain = MessageLib.domainSeparator(_evidence.instance);
        signer = _recover(domain, first, _evidence.first);
        address other = _recover(domain, second, _evidence.second);
        require(signer == other, IStaking.Staking__SignersDiffer(signer, other));
    }

    function _structHash(Evidence calldata _evidence, SignedMessage calldata _message) private pure returns (bytes32) {
        return _evidence.kind == MessageKind.Proposal
            ? MessageLib.proposalHash(_evidence.genesisId, _evidence.slot, _message.blockHash, _message.bodyHash)
            : MessageLib.attestationHash(_evidence.genesisId, _evidence.slot, _message.blockHash);
    }

    function _recover(bytes32 _domain, bytes32 _hash, SignedMessage calldata _message) private pure returns (address) {
        (address signer, ECDSA.RecoverError problem,) =
            ECDSA.tryRecover(MessageHashUtils.toTypedDataHash(_domain, _hash), _message.r, _message.vs);
        require(problem == ECDSA.RecoverError.NoError, IStaking.Staking__InvalidSignature());

        return signer;
    }
}
