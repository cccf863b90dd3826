//! A reply of HTTP/1.1 (RFC 9112), read from whatever bytes have come.
//!
//! Only as much as a doctor needs: status, fields, and a body up to a bound. What is broken is said, not mended.

/// Most bytes before the body.
pub const MAX_HEAD: usize = 16 * 1024;
/// Most fields that are kept.
const MAX_FIELDS: usize = 100;
/// Most interim replies before the real one.
const MAX_INTERIM: usize = 8;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// Body, as far as it was read.
    pub body: Vec<u8>,
    /// Whether more than the bound came.
    pub is_cut: bool,
}

impl Reply {
    /// The first field of this name, which is in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }
}

/// How far a reply has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// It is complete, or as large as is read.
    Done(Reply),
    /// It is no reply.
    Broken(&'static str),
}

/// Reads what has come until now. `at_end` says that nothing more will; at most `most` bytes of the body are kept.
#[must_use]
pub fn read(bytes: &[u8], at_end: bool, most: usize) -> Progress {
    let mut rest = bytes;
    for _ in 0..=MAX_INTERIM {
        let (reply, body) = match read_front(rest, at_end) {
            Ok(both) => both,
            Err(progress) => return progress,
        };
        // An interim reply (RFC 9110, 15.2) comes before the real one.
        if !(100..200).contains(&reply.status) {
            return read_body(reply, body, at_end, most);
        }
        rest = body;
    }
    Progress::Broken("interim replies come without end")
}

/// The reply at the front without its body, and what stands behind its head.
fn read_front(bytes: &[u8], at_end: bool) -> Result<(Reply, &[u8]), Progress> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        return Err(match bytes {
            _ if !starts_well(bytes) => Progress::Broken("it is not HTTP"),
            _ if bytes.len() > MAX_HEAD => Progress::Broken("its head is too large"),
            [] if at_end => Progress::Broken("the connection was closed without a reply"),
            _ if at_end => Progress::Broken("the connection was closed in the middle"),
            _ => Progress::More,
        });
    };
    let (head, body) = (&bytes[..head_end], &bytes[head_end + 4..]);
    let (status, fields) = read_head(head).ok_or(Progress::Broken("it is not HTTP"))?;
    let reply = Reply {
        status,
        fields,
        body: Vec::new(),
        is_cut: false,
    };
    Ok((reply, body))
}

/// Takes the body to a reply whose head was read.
fn read_body(mut reply: Reply, body: &[u8], at_end: bool, most: usize) -> Progress {
    if matches!(reply.status, 204 | 304) {
        return Progress::Done(reply);
    }
    let is_chunked = reply
        .field("transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if is_chunked {
        return match unchunk(body, most) {
            Chunks::Done(body) => {
                reply.body = body;
                Progress::Done(reply)
            }
            Chunks::Cut(body) => {
                (reply.body, reply.is_cut) = (body, true);
                Progress::Done(reply)
            }
            Chunks::Broken => Progress::Broken("its body is broken"),
            Chunks::More if at_end => Progress::Broken("the connection was closed in the middle"),
            Chunks::More => Progress::More,
        };
    }
    let length = match reply.field("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => return Progress::Broken("its length is no number"),
        None => None,
    };
    let wanted = length.unwrap_or(usize::MAX);
    if body.len() > most && wanted > most {
        (reply.body, reply.is_cut) = (body[..most].to_vec(), true);
        return Progress::Done(reply);
    }
    if body.len() >= wanted {
        reply.body = body[..wanted].to_vec();
        return Progress::Done(reply);
    }
    match (at_end, length) {
        (true, None) => {
            reply.body = body.to_vec();
            Progress::Done(reply)
        }
        (true, Some(_)) => Progress::Broken("the connection was closed in the middle"),
        (false, _) => Progress::More,
    }
}

fn starts_well(bytes: &[u8]) -> bool {
    let wanted = b"HTTP/1.";
    let len = bytes.len().min(wanted.len());
    bytes[..len] == wanted[..len]
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let bound = bytes.len().min(MAX_HEAD + wanted.len());
    bytes[..bound]
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn read_head(head: &[u8]) -> Option<(u16, Vec<(String, String)>)> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next()?;
    let mut words = first.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = words.next()?;
    let status = Some(status).filter(|text| text.len() == 3)?.parse().ok()?;
    let fields = lines
        .take(MAX_FIELDS)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Some((status, fields.collect()))
}

enum Chunks {
    More,
    Broken,
    Cut(Vec<u8>),
    Done(Vec<u8>),
}

/// Takes the chunks apart (RFC 9112, 7.1).
fn unchunk(mut rest: &[u8], most: usize) -> Chunks {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).take(1024).position(|window| window == b"\r\n") else {
            return if rest.len() > 1024 {
                Chunks::Broken
            } else {
                Chunks::More
            };
        };
        let line = String::from_utf8_lossy(&rest[..end]);
        let digits = line.split(';').next().unwrap_or_default().trim();
        let Some(size) = usize::from_str_radix(digits, 16)
            .ok()
            .filter(|size| *size < 1 << 30)
        else {
            return Chunks::Broken;
        };
        rest = &rest[end + 2..];
        if size == 0 {
            return Chunks::Done(body);
        }
        let here = rest.len().min(size);
        body.extend_from_slice(&rest[..here.min(most + 1)]);
        if body.len() > most {
            body.truncate(most);
            return Chunks::Cut(body);
        }
        if rest.len() < size + 2 {
            return Chunks::More;
        }
        rest = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn done(text: &str, at_end: bool, most: usize) -> Reply {
        match read(text.as_bytes(), at_end, most) {
            Progress::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rfc9112_s6_bodies_end_by_length_by_chunks_and_by_the_end() {
        let by_length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\n{}";
        assert_eq!(
            read(&by_length.as_bytes()[..by_length.len() - 1], false, 9),
            Progress::More
        );
        let reply = done(by_length, false, 9);
        assert_eq!(
            (reply.status, reply.body.as_slice(), reply.field("a")),
            (200, &b"{}"[..], Some("b"))
        );
        let by_chunks =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        for len in 0..by_chunks.len() - 2 {
            assert_eq!(
                read(&by_chunks.as_bytes()[..len], false, 9),
                Progress::More,
                "{len}"
            );
        }
        assert_eq!(done(by_chunks, false, 9).body, b"{}");
        let by_end = "HTTP/1.0 404 Not Found\r\n\r\nnothing";
        assert_eq!(read(by_end.as_bytes(), false, 9), Progress::More);
        assert_eq!(done(by_end, true, 9).body, b"nothing");
        let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{by_length}");
        assert_eq!(done(&interim, false, 9).status, 200);
        // As many as fit into the bytes that are read would be more than a stack is deep.
        let endless = "HTTP/1.1 100 \r\n\r\n".repeat(100_000);
        assert_eq!(
            read(endless.as_bytes(), false, 9),
            Progress::Broken("interim replies come without end")
        );
    }

    #[test]
    fn large_bodies_are_cut_and_broken_replies_told() {
        let reply = done("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", false, 4);
        assert_eq!((reply.body.as_slice(), reply.is_cut), (&b"1234"[..], true));
        let reply = done(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789",
            false,
            4,
        );
        assert_eq!((reply.body.as_slice(), reply.is_cut), (&b"1234"[..], true));
        for (text, at_end, why) in [
            ("SSH-2.0-x\r\n", false, "it is not HTTP"),
            ("HTTP/1.1 abc\r\n\r\n", false, "it is not HTTP"),
            ("", true, "the connection was closed without a reply"),
            ("HTTP/1.1 200", true, "the connection was closed in the middle"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                false,
                "its length is no number",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1",
                true,
                "the connection was closed in the middle",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                false,
                "its body is broken",
            ),
        ] {
            assert_eq!(read(text.as_bytes(), at_end, 9), Progress::Broken(why), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(4000));
        assert_eq!(
            read(endless.as_bytes(), false, 9),
            Progress::Broken("its head is too large")
        );
    }
}
