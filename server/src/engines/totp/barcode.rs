//! A QR code as a picture: the smallest PNG writer that does, one bit for each pixel and no compression.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::core::error::Error;

/// The QR code of `text` as PNG of `size` pixels a side, in base64.
///
/// # Errors
/// 500 if `size` has no pixel for each dot of the code, which is what the API answers then.
pub(crate) fn barcode(text: &str, size: usize) -> Result<String, Error> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| failed("the url is too long for a QR code".to_owned()))?;
    let dots = usize::try_from(code.size()).map_err(Error::internal)?;
    if size < dots {
        return Err(failed(format!("can not scale barcode to an image smaller than {dots}x{dots}")));
    }
    let scale = size / dots;
    let margin = (size - dots * scale) / 2;
    let is_dark = |x: usize, y: usize| {
        let dot =
            |pixel: usize| pixel.checked_sub(margin).and_then(|pixel| i32::try_from(pixel / scale).ok());
        // Outside of the code everything is light.
        matches!((dot(x), dot(y)), (Some(x), Some(y)) if code.get_module(x, y))
    };
    Ok(STANDARD.encode(png(size, is_dark)))
}

fn failed(cause: String) -> Error {
    Error::counted(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to generate QR code image: {cause}"))
}

/// A square picture in black and white.
fn png(size: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut rows = Vec::with_capacity(size * (size / 8 + 2));
    for y in 0..size {
        rows.push(0);
        let light = |x: usize| x < size && !is_dark(x, y);
        rows.extend(
            (0..size).step_by(8).map(|x| (x..x + 8).fold(0, |byte, x| byte << 1 | u8::from(light(x)))),
        );
    }
    // At most 4096 pixels, so the sides fit.
    let side = (size as u32).to_be_bytes();
    let header = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", stored(&rows)), (b"IEND", Vec::new())] {
        picture.extend((data.len() as u32).to_be_bytes());
        let chunk = [&name[..], &data].concat();
        picture.extend(&chunk);
        picture.extend(crc32(&chunk).to_be_bytes());
    }
    picture
}

/// `bytes` as a zlib stream (RFC 1950) of uncompressed blocks.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(bytes).to_be_bytes());
    stream
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_their_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_picture_has_the_size_that_was_asked_for() {
        let picture =
            STANDARD.decode(barcode("otpauth://totp/a:b?secret=GE", 200).expect("a code")).expect("base64");
        assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(picture[16..24], [0, 0, 0, 200, 0, 0, 0, 200]);
        assert_eq!(barcode("otpauth://totp/a:b?secret=GE", 10).expect_err("too small").status(), 500);
    }
}
