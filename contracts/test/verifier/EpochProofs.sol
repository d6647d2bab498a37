// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {StandInVerifier} from "./StandInVerifier.sol";
import {FriLib} from "@agoge/proving/verifier/FriLib.sol";
import {Ext} from "@agoge/proving/verifier/Goldilocks.sol";
import {allocate, load, store} from "@agoge/proving/verifier/Memory.sol";
import {PoseidonLib} from "@agoge/proving/verifier/PoseidonLib.sol";
import {TranscriptLib} from "@agoge/proving/verifier/TranscriptLib.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The verifier of the stand-in circuit (crates/circuits/src/solidity/tests/stand_in.rs) with its inner values to be seen.
contract OpenVerifier is StandInVerifier {
    /// @notice Numbers in `challenges`.
    uint256 public constant CHALLENGES = 4 + 3 * REPETITIONS + 4 + 2 * STEPS + 1 + QUERIES;

    /// @notice Bytes of a proof.
    uint256 public constant LENGTH = PROOF_BYTES;

    /// @notice Extension elements that `gateSums` takes, and gives.
    uint256 public constant GATE_INPUTS = CONSTANTS + WIRES;
    uint256 public constant GATE_SUMS = GATE_CONSTRAINTS;

    /// @notice The hash of the public inputs; betas, gammas, alphas; zeta, FRI's alpha and betas; the proof of work; the indices of
    /// the queries.
    function challenges(uint256[24] calldata _publicInputs, bytes calldata _proof)
        external
        view
        returns (uint256[] memory _challenges)
    {
        (State memory state, bool isCanonical) = _read(_publicInputs, _proof);
        require(isCanonical);
        _deriveChallenges(state);
        _challenges = new uint256[](CHALLENGES);
        uint256 position = 0;
        for (uint256 i = 0; i < 4; ++i) {
            _challenges[position++] = state.hash[i];
        }
        for (uint256 i = 0; i < REPETITIONS; ++i) {
            _challenges[position++] = state.betas[i];
        }
        for (uint256 i = 0; i < REPETITIONS; ++i) {
            _challenges[position++] = state.gammas[i];
        }
        for (uint256 i = 0; i < REPETITIONS; ++i) {
            _challenges[position++] = state.alphas[i];
        }
        position = _put(_challenges, position, state.zeta);
        position = _put(_challenges, position, state.friAlpha);
        for (uint256 i = 0; i < STEPS; ++i) {
            position = _put(_challenges, position, state.friBetas[i]);
        }
        bytes32 digest = state.digest;
        _challenges[position++] = TranscriptLib.first(digest);
        for (uint256 i = 0; i < QUERIES; ++i) {
            uint256 challenge;
            (challenge, digest) = _nextQuery(i, digest);
            _challenges[position++] = challenge % 2 ** LDE_BITS;
        }
    }

    /// @notice The sums of all gates' filtered constraints, reduced, for these values of constants and wires and this hash of
    /// public inputs. Extension elements in 16 bytes each.
    function gateSums(bytes calldata _values, uint256[4] calldata _hash)
        external
        view
        returns (uint256[] memory _sums)
    {
        State memory state;
        state.openings = allocate(OPENED);
        uint256 from;
        assembly {
            from := _values.offset
        }
        FriLib.readExts(from, CONSTANTS, state.openings, 0);
        FriLib.readExts(from + 16 * CONSTANTS, WIRES, state.openings + 32 * WIRES_AT, 0);
        state.hash = _hash;
        state.table = PoseidonLib.loadTable();
        uint256 sums = allocate(GATE_CONSTRAINTS);
        for (uint256 i = 0; i < GATE_CONSTRAINTS; ++i) {
            store(sums + 32 * i, 0);
        }
        _addGates(state, sums);
        _sums = new uint256[](GATE_CONSTRAINTS);
        for (uint256 i = 0; i < GATE_CONSTRAINTS; ++i) {
            _sums[i] = Ext.wrap(load(sums + 32 * i)).reduce().unwrap();
        }
    }

    function _put(uint256[] memory _challenges, uint256 _at, Ext _value) private pure returns (uint256) {
        _challenges[_at] = _value.unwrap() & type(uint128).max;
        _challenges[_at + 1] = _value.unwrap() >> 128;
        return _at + 2;
    }
}

/// @notice Reads the vectors that Rust writes (crates/circuits/src/solidity/tests).
abstract contract EpochProofs is Test {
    string internal constant FOLDER = "contracts/test/vectors/epoch-proofs/";
    uint256 internal constant PUBLIC_INPUTS = 24;

    OpenVerifier internal verifier;

    function setUp() public virtual {
        verifier = new OpenVerifier();
    }

    /// @dev Public inputs, challenges and proof number `_index`.
    function _vector(uint256 _index)
        internal
        view
        returns (uint256[24] memory _publicInputs, uint256[] memory _challenges, bytes memory _proof)
    {
        bytes memory file = vm.readFileBinary(string.concat(FOLDER, vm.toString(_index), ".bin"));
        for (uint256 i = 0; i < PUBLIC_INPUTS; ++i) {
            _publicInputs[i] = _number(file, 8 * i, 8);
        }
        _challenges = new uint256[](verifier.CHALLENGES());
        for (uint256 i = 0; i < _challenges.length; ++i) {
            _challenges[i] = _number(file, 8 * (PUBLIC_INPUTS + i), 8);
        }
        _proof = _slice(file, 8 * (PUBLIC_INPUTS + _challenges.length), file.length);
    }

    /// @dev A big-endian number of up to 32 bytes.
    function _number(bytes memory _file, uint256 _from, uint256 _bytes) internal pure returns (uint256 _value) {
        require(_from + _bytes <= _file.length, "the file is too short");
        assembly {
            _value := shr(sub(256, shl(3, _bytes)), mload(add(add(_file, 32), _from)))
        }
    }

    /// @dev Bytes `_from` to `_until`, the latter exclusive.
    function _slice(bytes memory _file, uint256 _from, uint256 _until) internal pure returns (bytes memory _part) {
        require(_from <= _until && _until <= _file.length, "the file is too short");
        _part = new bytes(_until - _from);
        assembly {
            mcopy(add(_part, 32), add(add(_file, 32), _from), sub(_until, _from))
        }
    }
}
