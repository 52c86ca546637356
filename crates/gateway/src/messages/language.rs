//! The languages that people are written to in.

/// A language. The same ones that the pages for people speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Chinese.
    Zh,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::En, Self::De, Self::Es, Self::Fr, Self::Zh];

    /// Its name (ISO 639).
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::Zh => "zh",
        }
    }

    /// The language of a tag such as `de` or `de-AT` (RFC 5646).
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.name().eq_ignore_ascii_case(first))
    }

    /// The one that somebody likes best by their `Accept-Language` (RFC 9110 §12.5.4); `None` if they like none of ours.
    pub fn of_accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, u32)> = None;
        for range in header.split(',').take(20) {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(Self::of_tag) else { continue };
            let quality =
                parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
            // Thousandths, as the header has them; what is no number likes nothing.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1000 before")]
            let quality = (quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32;
            if quality > best.map_or(0, |(_, best)| best) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_of_ours_is_taken() {
        assert_eq!(Language::of_accepted("de-AT,de;q=0.9,en;q=0.8"), Some(Language::De));
        assert_eq!(Language::of_accepted("it, fr;q=0.5, es;q=0.7"), Some(Language::Es));
        assert_eq!(Language::of_accepted("zh-Hant-TW"), Some(Language::Zh));
        assert_eq!(Language::of_accepted("it, *;q=0.1"), None);
        assert_eq!(Language::of_accepted("en;q=0"), None);
        assert_eq!(Language::of_accepted("en;q=x"), None);
        assert_eq!(Language::of_accepted(""), None);
    }
}
