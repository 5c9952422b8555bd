//! Bodies of requests.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

use super::media_type::media_type;
use super::query;
use super::room::Share;
use super::settled::settle;
use crate::core::error::Error;
use crate::core::go_json::{self, First};
use crate::core::lenient;
use crate::core::request::Parameters;

/// Bytes of a body that are read for nothing.
const SKIPPED: usize = 256 * 1024;
/// How long they are waited for.
const SKIPPED_FOR: Duration = Duration::from_secs(1);

/// Reads a body of at most `limit` bytes, which take `share` of the room there is.
///
/// One that arrives in one piece stays where it is. The pieces of any other are copied: each may be a byte in a buffer of
/// many, which it would keep alive.
///
/// # Errors
/// 413 beyond it, 400 if the client goes away, 503 if there is no room.
pub(super) async fn read<B>(body: B, limit: usize, share: &mut Share<'_>) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = Limited::new(body, limit);
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(error.is::<LengthLimitError>()))?;
        let Ok(part) = frame.into_data() else { continue };
        if kept.is_empty() && body.is_end_stream() {
            share.hold(part.len()).await?;
            return Ok(part);
        }
        let needed = kept.len() + part.len();
        if needed > kept.capacity() {
            let capacity = capacity(kept.capacity(), needed, body.size_hint().upper());
            share.hold(capacity).await?;
            kept.reserve_exact(capacity - kept.len());
        }
        kept.extend_from_slice(&part);
    }
    Ok(kept.into())
}

/// Reads what a client sends and nobody looks at, some of it for a while: else it could not get its answer, nor send the
/// next request on its connection.
pub(super) async fn skip(mut body: hyper::body::Incoming) {
    if body.is_end_stream() {
        return;
    }
    let reading = async {
        let mut left = SKIPPED;
        while let Some(Ok(frame)) = body.frame().await {
            left = match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(left) => left,
                None => return,
            };
        }
    };
    // Whoever sends for longer has to connect again.
    tokio::time::timeout(SKIPPED_FOR, reading).await.ok();
}

/// Room for `needed` bytes: twice the present one, so that few steps are needed, but no more than for all that is to come.
fn capacity(present: usize, needed: usize, further: Option<u64>) -> usize {
    let further = further.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    present.saturating_mul(2).min(needed.saturating_add(further)).max(needed)
}

fn unreadable(is_too_large: bool) -> Error {
    if is_too_large {
        return Error::with_status(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large");
    }
    Error::invalid("failed to read the request body")
}

/// What the JSON of a body may be, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Complexity {
    /// Estimated bytes of memory for all of its values, as the API estimates them.
    pub(crate) memory: u64,
    /// Strings; names count too.
    pub(crate) strings: u64,
}

/// What each value is estimated to take, and what it takes besides: its own bytes for a string, nothing for others.
mod cost {
    const EACH: u64 = 16;
    pub(super) const OBJECT: u64 = EACH + 72;
    pub(super) const LIST: u64 = EACH + 24;
    pub(super) const STRING: u64 = EACH + 16;
    pub(super) const NUMBER: u64 = EACH + 8;
    pub(super) const WORD: u64 = EACH + 1;
}

impl Complexity {
    /// Refuses JSON that is more, before any memory is spent on it.
    ///
    /// # Errors
    /// 400 beyond a limit, and the text says which.
    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), Error> {
        if !matches!(first_letter(bytes), Some(b'{' | b'[')) {
            return Ok(());
        }
        let (mut memory, mut strings, mut rest) = (0, 0, bytes);
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            memory += match first {
                b'{' => cost::OBJECT,
                b'[' => cost::LIST,
                b'"' => {
                    let (length, end) = string(after);
                    strings += 1;
                    rest = &after[end..];
                    cost::STRING + length
                }
                b'-' | b'0'..=b'9' => {
                    rest = after_word(after);
                    cost::NUMBER
                }
                b'a'..=b'z' => {
                    rest = after_word(after);
                    cost::WORD
                }
                _ => 0,
            };
            if memory > self.memory {
                return Err(too_complex("estimated memory limits"));
            }
            if strings > self.strings {
                return Err(too_complex("number of strings"));
            }
        }
        Ok(())
    }
}

fn too_complex(limit: &str) -> Error {
    Error::invalid(format!("refused JSON input due to high complexity: exceeded maximum {limit}"))
}

/// Length of the string that `bytes` go on with (an escape is one byte), and where it ends, its quote included.
fn string(bytes: &[u8]) -> (u64, usize) {
    let (mut length, mut place) = (0, 0);
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => return (length, place + 1),
            b'\\' => place += 2,
            _ => place += 1,
        }
        length += 1;
    }
    (length, bytes.len())
}

/// Behind the number or the word that `bytes` go on with.
fn after_word(bytes: &[u8]) -> &[u8] {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let end = bytes.iter().position(|byte| !is_of_word(byte)).unwrap_or(bytes.len());
    &bytes[end..]
}

/// The parameters of a body: a JSON object, a form if `content_type` says so, or none. `target` is what the peer decodes
/// it into.
///
/// # Errors
/// 400 for anything else, also for JSON that is no text; see [`parameters_of_no_text`].
pub(crate) fn parameters(bytes: &[u8], content_type: &str, target: &str) -> Result<Parameters, Error> {
    if is_form(bytes, content_type) {
        return query::form(bytes).ok_or_else(|| Error::invalid("error parsing form data"));
    }
    of_json(Cow::Borrowed(bytes), target)
}

/// As [`parameters`], of a body that is no UTF-8: what is no text in its strings is [replaced](lenient::text).
///
/// # Errors
/// As [`parameters`], of the body as it was sent.
pub(super) fn parameters_of_no_text(
    bytes: &[u8],
    content_type: &str,
    target: &str,
) -> Result<Parameters, Error> {
    if is_form(bytes, content_type) {
        return parameters(bytes, content_type, target);
    }
    // Mistakes are told of what was sent.
    of_json(Cow::Owned(lenient::text(bytes).into_bytes()), target)
        .map_err(|error| first(bytes).err().unwrap_or(error))
}

/// Bytes that a body takes while it is read, and itself. Values of JSON that is text are not counted: they are no longer
/// than the body and stand for it from then on.
pub(super) fn size(bytes: &[u8], content_type: &str) -> usize {
    if is_form(bytes, content_type) {
        return bytes.len() + query::form_size(bytes);
    }
    match lenient::size(bytes) {
        size if size == bytes.len() => size,
        // As text, and its values.
        size => bytes.len() + 2 * size,
    }
}

/// Bytes that `parameters` take.
pub(super) fn kept(parameters: &Parameters) -> usize {
    parameters.iter().map(|(name, value)| name.len() + value.get().len()).sum()
}

fn first_letter(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// JSON is JSON whatever `content_type` says.
fn is_form(bytes: &[u8], content_type: &str) -> bool {
    let is_json = matches!(first_letter(bytes), None | Some(b'{' | b'['));
    !is_json && media_type(content_type).is_ok_and(|kind| kind == "application/x-www-form-urlencoded")
}

fn of_json(mut json: Cow<'_, [u8]>, target: &str) -> Result<Parameters, Error> {
    if json.is_empty() {
        return Ok(Parameters::new());
    }
    lenient::whole_escapes(&mut json);
    // Nearly every body is one object, which needs no second look.
    let mut parameters: Parameters = match serde_json::from_slice(&json) {
        Ok(parameters) => parameters,
        Err(_) => of_stream(&json, target)?,
    };
    parameters.values_mut().for_each(settle);
    Ok(parameters)
}

/// The parameters of JSON that is not one object: its first value counts.
fn of_stream(json: &[u8], target: &str) -> Result<Parameters, Error> {
    match first(json)? {
        None | Some(First { kind: "null", .. }) => Ok(Parameters::new()),
        Some(First { kind: "object", text }) => {
            serde_json::from_slice(text).map_err(|_| undecodable("an object that cannot be read"))
        }
        Some(First { kind, .. }) => {
            Err(undecodable(&format!("json: cannot unmarshal {kind} into Go value of type {target}")))
        }
    }
}

fn first(json: &[u8]) -> Result<Option<First<'_>>, Error> {
    go_json::first(json).map_err(|problem| undecodable(&problem))
}

fn undecodable(problem: &str) -> Error {
    Error::invalid(format!("failed to decode JSON input: {problem}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::super::go_struct::MAP;
    use super::super::room::Room;
    use super::*;

    #[track_caller]
    fn check(body: &str, content_type: &str, expected: Result<&str, &str>) {
        let parameters = parameters(body.as_bytes(), content_type, MAP);
        let text = parameters.map(|parameters| serde_json::to_string(&parameters).expect("JSON"));
        let text = text.map_err(|error| error.messages(false).join(""));
        assert_eq!(text.as_deref().map_err(String::as_str), expected);
    }

    /// A byte that keeps a buffer alive, and tells when that is gone.
    struct Piece(Arc<AtomicUsize>);

    impl Piece {
        fn bytes(alive: &Arc<AtomicUsize>) -> Bytes {
            alive.fetch_add(1, Ordering::Relaxed);
            Bytes::from_owner(Self(Arc::clone(alive)))
        }
    }

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for Piece {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_body_in_pieces_keeps_none_of_their_buffers() {
        let alive = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let pieces = (0..100_000).map(|_| {
            most.fetch_max(alive.load(Ordering::Relaxed), Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(Frame::data(Piece::bytes(&alive)))
        });
        let body = StreamBody::new(futures::stream::iter(pieces));
        let room = Room::default();
        let read = read(body, 100_000, &mut room.share([192, 0, 2, 1].into())).await.expect("room");
        assert_eq!((read.len(), alive.load(Ordering::Relaxed)), (100_000, 0));
        assert!(most.load(Ordering::Relaxed) <= 1, "{most:?}");
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let piece = Bytes::from_static(b"{}");
        let room = Room::default();
        let mut share = room.share([192, 0, 2, 1].into());
        let read = read(Full::new(piece.clone()), 2, &mut share).await.expect("room");
        assert_eq!(read.as_ptr(), piece.as_ptr());
        let error = super::read(Full::new(piece), 1, &mut share).await.expect_err("too long");
        assert_eq!(error.status(), 413);
    }

    #[test]
    fn a_buffer_does_not_grow_beyond_what_is_to_come() {
        assert_eq!(capacity(0, 10, Some(90)), 10);
        assert_eq!(capacity(10, 20, Some(80)), 20);
        assert_eq!(capacity(64, 70, Some(30)), 100);
        assert_eq!(capacity(64, 70, None), 128);
        assert_eq!(capacity(64, 70, Some(u64::MAX)), 128);
    }

    #[test]
    fn an_object_keeps_its_numbers() {
        check(r#"{"a":12345678901234567890.50}"#, "", Ok(r#"{"a":12345678901234567890.50}"#));
        check("", "", Ok("{}"));
        check("null", "", Ok("{}"));
    }

    #[test]
    fn the_last_of_two_equal_names_wins() {
        check(r#"{"a":1,"a":2}"#, "", Ok(r#"{"a":2}"#));
    }

    #[test]
    fn a_form_is_taken_when_the_content_type_says_so() {
        let form = "application/x-www-form-urlencoded";
        check("a=1&a=2&b=x", form, Ok(r#"{"a":"1,2","b":"x"}"#));
        check(r#"{"a":1}"#, form, Ok(r#"{"a":1}"#));
        check(" ", form, Ok("{}"));
        check("a=%zz", form, Err("error parsing form data"));
        check(&"a&".repeat(20_000), form, Err("error parsing form data"));
    }

    #[test]
    fn what_is_made_of_a_body_is_counted_before() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(size(b"{\"a\":\"xy\"}", ""), 10);
        assert_eq!(size(b"{\"a\":\"x\xff\"}", ""), 10 + 12 + 12);
        assert_eq!(size(b"a=xy", form), 4 + 4 + 4);
        assert_eq!(size(b"a=x\xff", form), 4 + 6 + 6);
        let read = parameters(b"a=xy", form, MAP).expect("a form");
        assert_eq!(kept(&read), "a\"xy\"".len());
    }

    #[track_caller]
    fn check_complexity(body: &str, memory: u64, strings: u64) {
        let check = |memory, strings| {
            let checked = Complexity { memory, strings }.check(body.as_bytes());
            checked.map_err(|error| error.messages(false).join(""))
        };
        assert_eq!(check(memory, strings), Ok(()), "{body}");
        let refused =
            |limit: &str| Err(format!("refused JSON input due to high complexity: exceeded maximum {limit}"));
        assert_eq!(check(memory - 1, strings), refused("estimated memory limits"), "{body}");
        if strings > 0 {
            assert_eq!(check(memory, strings - 1), refused("number of strings"), "{body}");
        }
    }

    #[test]
    fn values_are_counted_as_they_stand() {
        check_complexity("{}", 88, 0);
        check_complexity(r#"{"a":["b","c\"d"],"e":1}"#, 88 + 33 + 40 + 33 + 35 + 33 + 24, 4);
        check_complexity("[1,-2.5e+3, 0]", 40 + 3 * 24, 0);
        check_complexity("[true,false,null]", 40 + 3 * 17, 0);
        check_complexity(r#"["\\","x"#, 40 + 33 + 33, 2);
    }

    #[track_caller]
    fn check_no_text(body: &[u8], expected: Result<&str, &str>) {
        let parameters = parameters_of_no_text(body, "", MAP);
        let text = parameters.map(|parameters| serde_json::to_string(&parameters).expect("JSON"));
        let text = text.map_err(|error| error.messages(false).join(""));
        let expected = expected.map_err(|problem| format!("failed to decode JSON input: {problem}"));
        assert_eq!(text, expected.map(str::to_owned));
    }

    #[test]
    fn what_is_no_text_is_replaced_in_strings_and_refused_elsewhere() {
        check_no_text(b"{\"a\xff\":[\"\xe2\x82\"]}", Ok("{\"a\u{fffd}\":[\"\u{fffd}\u{fffd}\"]}"));
        let at_value =
            |character: &str| format!("invalid character '{character}' looking for beginning of value");
        check_no_text(b"{\"a\":\"x\", \"b\": \xff}", Err(&at_value("\\xff")));
        check_no_text(b"{\"a\":\"\xff\",\"b\":\xc3\xbc}", Err(&at_value("\u{fc}")));
        check_no_text(b"{\"a\":1}\xff", Err(&at_value("\\xff")));
        check_no_text(b"{\"a\":\"\xff\"", Err("unexpected EOF"));
        let array = "json: cannot unmarshal array into Go value of type map[string]interface {}";
        check_no_text(b"[\"\xff\"]", Err(array));
    }

    #[test]
    fn the_first_value_counts() {
        check(r#"{"a":1}{"b":2}"#, "", Ok(r#"{"a":1}"#));
        check(r#"{"a":1} {"b":"#, "", Ok(r#"{"a":1}"#));
        check("null 5", "", Ok("{}"));
        let problem = "failed to decode JSON input: invalid character '}' looking for beginning of value";
        check(r#"{"a":1}}"#, "", Err(problem));
    }

    #[test]
    fn half_a_pair_of_escapes_is_text_all_the_same() {
        check(r#"{"a":"\ud83d","\ude00":1}"#, "", Ok("{\"a\":\"\\ufffd\",\"\u{fffd}\":1}"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let text = "failed to decode JSON input: json: cannot unmarshal array into Go value of type map[string]interface {}";
        check("[1]", "", Err(text));
        check(r#"{"a":"#, "", Err("failed to decode JSON input: unexpected EOF"));
        check(
            "data=5",
            "application/json",
            Err("failed to decode JSON input: invalid character 'd' looking for beginning of value"),
        );
    }
}
