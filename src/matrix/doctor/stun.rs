//! A STUN binding (RFC 8489): the smallest question that a TURN server answers without a password.

use std::net::{IpAddr, SocketAddr};

/// Marks a message of this version (RFC 8489, 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MAPPED_ADDRESS: u16 = 0x0001;
/// Length of a header.
pub const HEADER: usize = 20;
/// Longest message that is read.
pub const MAX_MESSAGE: usize = 1500;

/// A request with this transaction id.
#[must_use]
pub fn request(id: [u8; 12]) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..2].copy_from_slice(&BINDING.to_be_bytes());
    bytes[4..8].copy_from_slice(&COOKIE);
    bytes[8..].copy_from_slice(&id);
    bytes
}

/// How many bytes the message at the front has in all, once its header is there.
#[must_use]
pub fn length(bytes: &[u8]) -> Option<usize> {
    let len = number(bytes, 2)?;
    (bytes.len() >= HEADER).then(|| HEADER + usize::from(len))
}

/// Whether the message answers the request with this id; with the address that the server saw, where it says so.
#[must_use]
pub fn read(message: &[u8], id: [u8; 12]) -> Option<Option<SocketAddr>> {
    let kind = number(message, 0)?;
    let is_ours = message.get(4..8) == Some(&COOKIE[..]) && message.get(8..HEADER) == Some(&id[..]);
    // An error is an answer too: somebody who speaks STUN is there.
    if !is_ours || !matches!(kind, BINDING_SUCCESS | BINDING_ERROR) {
        return None;
    }
    let mut rest = message.get(HEADER..)?;
    while let (Some(kind), Some(len)) = (number(rest, 0), number(rest, 2)) {
        let len = usize::from(len);
        let Some(value) = rest.get(4..4 + len) else { break };
        if matches!(kind, XOR_MAPPED_ADDRESS | MAPPED_ADDRESS)
            && let Some(address) = address(value, &id, kind == XOR_MAPPED_ADDRESS)
        {
            return Some(Some(address));
        }
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(None)
}

fn address(value: &[u8], id: &[u8; 12], is_mixed: bool) -> Option<SocketAddr> {
    let mut mask = [0; 16];
    if is_mixed {
        mask[..4].copy_from_slice(&COOKIE);
        mask[4..].copy_from_slice(id);
    }
    let port = number(value, 2)? ^ u16::from_be_bytes([mask[0], mask[1]]);
    let mixed = |len: usize| {
        let bytes = value.get(4..4 + len)?;
        Some(
            bytes
                .iter()
                .zip(mask)
                .map(|(byte, mask)| byte ^ mask)
                .collect::<Vec<u8>>(),
        )
    };
    let ip: IpAddr = match value.get(1)? {
        1 => <[u8; 4]>::try_from(mixed(4)?).ok()?.into(),
        2 => <[u8; 16]>::try_from(mixed(16)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5769_s2_2_the_sample_reply_is_read() {
        let id = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
        let mut reply = vec![0x01, 0x01, 0x00, 0x1c, 0x21, 0x12, 0xa4, 0x42];
        reply.extend_from_slice(&id);
        reply.extend_from_slice(b"\x80\x22\x00\x0btest vector ");
        reply.extend_from_slice(b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        assert_eq!(length(&reply), Some(48));
        assert_eq!(read(&reply, id), Some(Some("192.0.2.1:32853".parse().unwrap())));
        assert_eq!(read(&reply, [0; 12]), None);
        for len in 0..reply.len() {
            let _ = (read(&reply[..len], id), length(&reply[..len]));
        }
        // A request is no answer to itself.
        assert_eq!(read(&request(id), id), None);
    }
}
