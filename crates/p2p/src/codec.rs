//! Requests and responses on a stream: a length of 4 bytes, little-endian, then that many bytes of borsh.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response;

use crate::request::{REQUEST_BYTES_MAX, Request, Response};

/// Bytes reserved for a message before any of it has arrived.
const RESERVE_BYTES_MAX: usize = 4_096;

/// The codec of one stream. libp2p clones it for each stream, so what [`Self::write_request`] learns is known when the answer is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Codec {
    response_bytes_max: usize,
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, self.response_bytes_max).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        self.response_bytes_max = request.response_bytes_max();
        write_frame(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &response).await
    }
}

/// Reads one frame of at most `limit` bytes. Memory grows with what arrives, not with what is announced.
async fn read_frame<T, M>(io: &mut T, limit: usize) -> io::Result<M>
where
    T: AsyncRead + Unpin + Send,
    M: BorshDeserialize,
{
    let mut prefix = [0_u8; 4];
    io.read_exact(&mut prefix).await?;
    let announced = u32::from_le_bytes(prefix);
    let length = usize::try_from(announced).unwrap_or(usize::MAX);
    if length > limit {
        return Err(invalid(format!(
            "message of {length} bytes announced, the limit is {limit}"
        )));
    }
    let mut payload = Vec::with_capacity(length.min(RESERVE_BYTES_MAX));
    io.take(u64::from(announced)).read_to_end(&mut payload).await?;
    if payload.len() != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    borsh::from_slice(&payload)
}

async fn write_frame<T, M>(io: &mut T, message: &M) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
    M: BorshSerialize,
{
    let payload = borsh::to_vec(message)?;
    let length =
        u32::try_from(payload.len()).map_err(|_| invalid("message is longer than 4 GiB".to_owned()))?;
    io.write_all(&length.to_le_bytes()).await?;
    io.write_all(&payload).await
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
