use super::*;
use agoge_protocol::limits::{BLOB_BYTES, TX_BYTES_MAX};
use agoge_protocol::{B256, Digest, L2BlockNumber, TxId};
use futures::io::Cursor;
use libp2p::request_response::Codec as _;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::request::{REQUEST_TXS_MAX, Refusal, Status};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

fn ids(count: usize) -> Vec<TxId> {
    vec![TxId(B256::repeat_byte(7)); count]
}

fn status() -> Status {
    Status {
        genesis_id: Digest::ZERO,
        tip: L2BlockNumber::new(5),
        archive: Digest::ZERO,
    }
}

async fn bytes_of(request: Request) -> (Codec, Vec<u8>) {
    let mut codec = Codec::default();
    let mut io = Cursor::new(Vec::new());
    codec.write_request(&PROTOCOL, &mut io, request).await.unwrap();
    (codec, io.into_inner())
}

async fn answer(codec: &mut Codec, response: Response) -> io::Result<Response> {
    let mut io = Cursor::new(Vec::new());
    codec.write_response(&PROTOCOL, &mut io, response).await?;
    codec
        .read_response(&PROTOCOL, &mut Cursor::new(io.into_inner()))
        .await
}

#[tokio::test]
async fn requests_round_trip_up_to_their_limit_and_not_above() {
    for request in [
        Request::Status,
        Request::Transactions(ids(REQUEST_TXS_MAX)),
        Request::Blob(B256::ZERO),
        Request::BlockTxIds {
            number: L2BlockNumber::new(3),
            block_hash: B256::ZERO,
        },
    ] {
        let (mut codec, bytes) = bytes_of(request.clone()).await;
        assert_eq!(
            codec
                .read_request(&PROTOCOL, &mut Cursor::new(&bytes))
                .await
                .unwrap(),
            request
        );
        for length in 0..bytes.len() {
            assert!(
                codec
                    .read_request(&PROTOCOL, &mut Cursor::new(&bytes[..length]))
                    .await
                    .is_err()
            );
        }
    }
    let (mut codec, bytes) = bytes_of(Request::Transactions(ids(REQUEST_TXS_MAX + 1))).await;
    assert!(
        codec
            .read_request(&PROTOCOL, &mut Cursor::new(bytes))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_layout_is_pinned() {
    let (_, bytes) = bytes_of(Request::Status).await;
    assert_eq!(bytes, [1, 0, 0, 0, 0]);
    let (_, bytes) = bytes_of(Request::Transactions(ids(1))).await;
    assert_eq!(bytes[..9], [37, 0, 0, 0, 1, 1, 0, 0, 0]);
    assert_eq!(bytes.len(), 9 + 32);
    let (_, bytes) = bytes_of(Request::Blob(B256::repeat_byte(9))).await;
    assert_eq!(bytes[..6], [33, 0, 0, 0, 2, 9]);
    let (_, bytes) = bytes_of(Request::BlockTxIds {
        number: L2BlockNumber::new(7),
        block_hash: B256::repeat_byte(9),
    })
    .await;
    assert_eq!(bytes[..6], [41, 0, 0, 0, 3, 7]);
    assert_eq!((bytes.len(), bytes[13]), (45, 9));
    let known = TxId(B256::repeat_byte(7));
    let encoded = borsh::to_vec(&Response::BlockTxIds(Some(vec![None, Some(known)]))).unwrap();
    assert_eq!(encoded[..9], [4, 1, 2, 0, 0, 0, 0, 1, 7]);
    assert_eq!(borsh::to_vec(&Response::BlockTxIds(None)).unwrap(), [4, 0]);
    let encoded = borsh::to_vec(&Response::Status(status())).unwrap();
    assert_eq!((encoded.len(), encoded[0], encoded[33]), (73, 0, 5));
    assert_eq!(borsh::to_vec(&Response::Blob(None)).unwrap(), [2, 0]);
    assert_eq!(borsh::to_vec(&Response::Refused(Refusal::Busy)).unwrap(), [3, 1]);
    assert_eq!(
        borsh::to_vec(&Response::Transactions(Vec::new())).unwrap(),
        [1, 0, 0, 0, 0]
    );
}

#[tokio::test]
async fn answers_are_bounded_by_their_question() {
    let blob = Response::Blob(Some(vec![3; BLOB_BYTES]));
    let (mut codec, _) = bytes_of(Request::Blob(B256::ZERO)).await;
    assert_eq!(answer(&mut codec, blob.clone()).await.unwrap(), blob);
    assert!(
        answer(&mut codec, Response::Blob(Some(vec![3; BLOB_BYTES + 1])))
            .await
            .is_err()
    );
    assert!(
        answer(&mut codec, Response::Blob(Some(vec![3; 5])))
            .await
            .is_err()
    );
    let (mut codec, _) = bytes_of(Request::Status).await;
    assert!(
        answer(&mut codec, blob).await.is_err(),
        "a blob does not fit the answer to a status"
    );
    assert_eq!(
        answer(&mut codec, Response::Status(status())).await.unwrap(),
        Response::Status(status())
    );
    let question = Request::BlockTxIds {
        number: L2BlockNumber::new(1),
        block_hash: B256::ZERO,
    };
    let (mut codec, _) = bytes_of(question).await;
    let full = |count| Response::BlockTxIds(Some(vec![Some(TxId(B256::ZERO)); count]));
    assert_eq!(answer(&mut codec, full(64)).await.unwrap(), full(64));
    assert!(answer(&mut codec, full(65)).await.is_err());
    assert_eq!(
        Request::Transactions(ids(3)).response_bytes_max(),
        128 + 3 * TX_BYTES_MAX
    );
}

#[tokio::test]
async fn a_length_that_is_announced_and_not_sent_costs_no_memory() {
    let (mut codec, _) = bytes_of(Request::Transactions(ids(REQUEST_TXS_MAX))).await;
    let announced = u32::try_from(64 * TX_BYTES_MAX).unwrap().to_le_bytes();
    let error = codec
        .read_response(&PROTOCOL, &mut Cursor::new(announced))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let error = codec
        .read_response(&PROTOCOL, &mut Cursor::new(u32::MAX.to_le_bytes()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn mutated_messages_never_panic() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut codec, _) = bytes_of(Request::Transactions(ids(2))).await;
    let seeds = [
        borsh::to_vec(&Response::Status(status())).unwrap(),
        borsh::to_vec(&Response::Blob(None)).unwrap(),
        vec![1, 2, 0, 0, 0],
    ];
    for round in 0..20_000_usize {
        let mut payload = seeds[round % seeds.len()].clone();
        for _ in 0..rng.gen_range(0..4) {
            let at = rng.gen_range(0..payload.len());
            payload[at] = rng.r#gen();
        }
        let mut bytes = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(&payload);
        if let Ok(response) = codec.read_response(&PROTOCOL, &mut Cursor::new(&bytes)).await {
            assert_eq!(
                borsh::to_vec(&response).unwrap(),
                payload,
                "one meaning, one encoding"
            );
        }
        codec.read_request(&PROTOCOL, &mut Cursor::new(&bytes)).await.ok();
    }
}
