//! A picture of black and white as PNG (RFC 2083): one bit a pixel, not compressed, so that no compressor is built in.
//! A QR code of 37 modules has 12 KB that way.

/// What every PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Most bytes of a stored block (RFC 1951, 3.2.4).
const BLOCK: usize = 0xffff;
/// Modulus of Adler-32 (RFC 1950, 8).
const ADLER: u32 = 65_521;

/// A square picture with a side of so many pixels, white where `is_dark` says no.
pub(super) fn picture(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut rows = Vec::with_capacity(side * (side / 8 + 2));
    for y in 0..side {
        // Filter 0: the bytes as they are.
        rows.push(0);
        for start in (0..side).step_by(8) {
            let bits = (0..8).map(|bit| start + bit < side && !is_dark(start + bit, y));
            rows.push(bits.fold(0, |byte, light| byte << 1 | u8::from(light)));
        }
    }
    let length = (side as u32).to_be_bytes();
    let mut png = SIGNATURE.to_vec();
    // Greyscale of one bit, the only methods that there are, no interlacing.
    chunk(
        &mut png,
        b"IHDR",
        &[&length[..], &length, &[1, 0, 0, 0, 0]].concat(),
    );
    chunk(&mut png, b"IDAT", &stored(&rows));
    chunk(&mut png, b"IEND", &[]);
    png
}

/// A zlib stream (RFC 1950) of stored blocks.
fn stored(bytes: &[u8]) -> Vec<u8> {
    // Deflate with the smallest window; the second byte makes the two a multiple of 31.
    let mut stream = vec![0x08, 0x1d];
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % ADLER;
        (a, (a + b) % ADLER)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend_from_slice(name);
    png.extend_from_slice(data);
    let sum = crc(&png[start..]);
    png.extend(sum.to_be_bytes());
}

/// CRC-32 of ISO 3309 (RFC 2083, 15), bit by bit: a picture is made once.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 {
                crc >> 1
            } else {
                crc >> 1 ^ 0xedb8_8320
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        // The check values that CRC and Adler-32 are known by.
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b"IEND"), 0xae42_6082);
        assert!(stored(b"Wikipedia").ends_with(&0x11e6_0398_u32.to_be_bytes()));
    }

    #[test]
    fn a_small_picture_byte_for_byte() {
        let png = picture(2, |x, y| x == y);
        let expected: Vec<u8> = [
            &b"\x89PNG\r\n\x1a\n"[..],
            b"\x00\x00\x00\x0dIHDR\x00\x00\x00\x02\x00\x00\x00\x02\x01\x00\x00\x00\x00",
            &crc(b"IHDR\x00\x00\x00\x02\x00\x00\x00\x02\x01\x00\x00\x00\x00").to_be_bytes(),
            b"\x00\x00\x00\x0fIDAT",
        ]
        .concat();
        assert_eq!(png[..expected.len()], expected);
        let data = b"\x08\x1d\x01\x04\x00\xfb\xff\x00\x40\x00\x80";
        assert_eq!(png[expected.len()..expected.len() + data.len()], *data);
    }

    #[test]
    fn what_is_longer_than_a_block_takes_several() {
        let stream = stored(&vec![7; BLOCK + 1]);
        assert_eq!(stream[2..7], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(stream[7 + BLOCK..7 + BLOCK + 6], [1, 1, 0, 0xfe, 0xff, 7]);
        assert_eq!(stream.len(), 2 + 5 + BLOCK + 5 + 1 + 4);
    }
}
