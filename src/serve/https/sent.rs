//! What HTTP/2 tells a client of the bounds that it meets, read from the frames that go out.
//!
//! hyper and h2 refuse streams, and end connections, by themselves and tell nobody; their frames do (RFC 9113, 4.1, 6.4,
//! 6.8). Without these, clients would be turned away that no counter shows. Read `https` first.

use crate::telemetry::Event;

/// Octets of a frame's head: length, type, flags, stream.
const HEAD: usize = 9;
/// Kinds of frames.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
/// The flag of the last frame of a response.
const END_STREAM: u8 = 1;
/// `:status` with a value that HPACK has no number for, and the last number of those that it has (RFC 7541, appendix A).
const STATUS: u8 = 0x48;
const LAST_KNOWN: u8 = 0x80 | 61;
/// Why a stream or a connection ends (RFC 9113, 7).
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The frames that went out so far: the beginning of the one under way, and what is known of those before.
#[derive(Default)]
pub(super) struct Sent {
    /// Its head, and of its payload what tells the reason.
    begun: [u8; HEAD + 8],
    have: usize,
    /// Octets of its payload that say nothing.
    skip: usize,
    /// The last stream that ended with a 431 of h2's.
    refused: u32,
}

impl Sent {
    /// Reads what goes out, in pieces of any size, and names what is to be counted of it.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut note: impl FnMut(Event)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let over = self.skip.min(bytes.len());
                (self.skip, bytes) = (self.skip - over, &bytes[over..]);
                continue;
            }
            let want = self.want();
            let more = (want - self.have).min(bytes.len());
            self.begun[self.have..self.have + more].copy_from_slice(&bytes[..more]);
            (self.have, bytes) = (self.have + more, &bytes[more..]);
            // The head alone may be all that is wanted, or only tell how much is.
            if self.have == self.want() {
                if let Some(event) = self.event() {
                    note(event);
                }
                self.skip = HEAD + self.payload() - self.have;
                (self.begun, self.have) = Default::default();
            }
        }
    }

    /// Octets of the frame under way that are looked at.
    fn want(&self) -> usize {
        let reason = match self.begun[3] {
            _ if self.have < HEAD => 0,
            HEADERS => 2,
            RST_STREAM => 4,
            GOAWAY => 8,
            _ => 0,
        };
        HEAD + reason.min(self.payload())
    }

    /// Octets of the payload, once the head is there.
    fn payload(&self) -> usize {
        let [a, b, c] = [self.begun[0], self.begun[1], self.begun[2]].map(usize::from);
        a << 16 | b << 8 | c
    }

    fn event(&mut self) -> Option<Event> {
        let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|octet| self.begun[at + octet]));
        let stream = number(5);
        let reason = match self.begun[3] {
            // A response that is nothing but a status, and that an unusual one, is the 431 to fields that are too large.
            HEADERS => {
                let [status, len] = [self.begun[HEAD], self.begun[HEAD + 1]];
                let is_bare = match self.payload() {
                    1 => status > LAST_KNOWN,
                    payload => status == STATUS && payload == 2 + usize::from(len & 0x7f),
                };
                let is_refused = is_bare && self.begun[4] & END_STREAM != 0;
                if is_refused {
                    self.refused = stream;
                }
                return is_refused.then_some(Event::TooLarge);
            }
            RST_STREAM => number(HEAD),
            GOAWAY => number(HEAD + 4),
            _ => return None,
        };
        match (self.begun[3], reason) {
            (_, NO_ERROR) => None,
            (RST_STREAM, REFUSED_STREAM) | (GOAWAY, ENHANCE_YOUR_CALM) => Some(Event::TooMany),
            // What else that request would bring; the frames of several may come mixed.
            (RST_STREAM, PROTOCOL_ERROR) if stream <= self.refused => None,
            (RST_STREAM, PROTOCOL_ERROR) | (GOAWAY, _) => Some(Event::BadRequest),
            // What became of a request that was heard of, as one that the client has taken back.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn what_turns_a_client_away_is_seen_in_pieces_of_any_size() {
        let code = |code: u8| [0, 0, 0, code];
        let away = |code: u8| [&[0, 0, 0, 9, 0, 0, 0, code][..], b"why"].concat();
        let all = [
            frame(4, 0, 0, &[0, 3, 0, 0, 0, 4]),
            // A response with a body that looks like a frame.
            frame(HEADERS, 4, 1, b"\x88"),
            frame(0, END_STREAM, 1, &frame(RST_STREAM, 0, 1, &code(7))),
            frame(RST_STREAM, 0, 9, &code(7)),
            // Too short for a reason.
            frame(RST_STREAM, 0, 9, &[]),
            // Responses without a body; one with fields that are too large; a request that makes no sense; one that was taken
            // back.
            frame(HEADERS, 4 | END_STREAM, 3, b"\x8d"),
            frame(HEADERS, 4 | END_STREAM, 5, b"\x48\x03405\xc0"),
            frame(HEADERS, 4 | END_STREAM, 11, b"\x48\x03431"),
            frame(RST_STREAM, 0, 11, &code(1)),
            frame(HEADERS, 4 | END_STREAM, 11, b"\xbe"),
            frame(HEADERS, 4, 11, b"\xbe"),
            frame(RST_STREAM, 0, 13, &code(1)),
            frame(RST_STREAM, 0, 15, &code(8)),
            frame(0, 0, 17, &[]),
            frame(GOAWAY, 0, 0, &away(0)),
            frame(GOAWAY, 0, 0, &away(11)),
            frame(GOAWAY, 0, 0, &away(9)),
        ]
        .concat();
        for size in 1..=all.len() {
            let (mut sent, mut events) = (Sent::default(), Vec::new());
            for piece in all.chunks(size) {
                sent.read(piece, |event| events.push(event));
            }
            assert_eq!(
                events,
                [
                    Event::TooMany,
                    Event::TooLarge,
                    Event::TooLarge,
                    Event::BadRequest,
                    Event::TooMany,
                    Event::BadRequest
                ],
                "in pieces of {size}"
            );
        }
    }
}
