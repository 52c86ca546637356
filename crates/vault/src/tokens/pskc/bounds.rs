//! What a container may have of everything, looked at before it is parsed: parsing attributes and namespaces takes time and
//! memory by the square of how many there are in a tag, and in how deep a nest.

use crate::tokens::reading::{Unreadable, line_breaks};

const MAX_DEPTH: u32 = 32;
const MAX_TAG: usize = 2048;

/// Refuses what is too deep or has too long tags, and declarations of a document's type with all that they could declare.
pub(super) fn check(text: &str) -> Result<(), Unreadable> {
    let mut depth = 0_u32;
    let mut rest = text;
    let line = |rest: &str| line_breaks(text.get(..text.len() - rest.len()).unwrap_or_default()).saturating_add(1);
    while let Some(place) = rest.find('<') {
        let tag = rest.get(place..).unwrap_or_default();
        let length = length(tag)
            .ok_or_else(|| Unreadable::at(line(tag), "a tag has no end, is too long, or declares a document's type"))?;
        let (this, after) = tag.split_at_checked(length).unwrap_or((tag, ""));
        if this.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !this.starts_with("<?") && !this.starts_with("<!") && !this.ends_with("/>") {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return Err(Unreadable::at(line(tag), "elements are nested deeper than 32"));
        }
        rest = after;
    }
    Ok(())
}

/// The bytes of the tag, comment or instruction that a text begins with.
fn length(tag: &str) -> Option<usize> {
    let end = |mark: &str, skip: usize| tag.get(skip..)?.find(mark).map(|place| skip + place + mark.len());
    let length = if tag.starts_with("<!--") {
        // A comment may be long: it is passed over at once.
        return end("-->", 4);
    } else if tag.starts_with("<!") {
        return None;
    } else if tag.starts_with("<?") {
        end("?>", 2)?
    } else {
        let mut quote = None;
        let end = tag.bytes().take(MAX_TAG).position(|byte| match (quote, byte) {
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), _) => {
                if byte == open {
                    quote = None;
                }
                false
            }
            (None, _) => byte == b'>',
        });
        end? + 1
    };
    (length <= MAX_TAG).then_some(length)
}
