//! The environment that the process was started with, and secrets that are taken out of it.

use std::fmt;

use zeroize::Zeroizing;

/// What the process was started with. Wiped when dropped: any of it can be a secret.
#[derive(Default)]
pub(crate) struct Environment(Vec<(String, Zeroizing<String>)>);

/// A secret that was taken out of the environment, in memory that is not swapped out and is wiped when dropped.
pub(crate) struct Secret(Zeroizing<String>);

impl Environment {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        // Variables that are no text are none of ours.
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, Zeroizing::new(value.into_string().ok()?))));
        Self(texts.collect())
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// Name and value of each variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes a variable that is set and not empty out of the environment, the process's own included: whoever may read
    /// `/proc/PID/environ` finds it there no more.
    ///
    /// To be called before there are threads.
    pub(crate) fn take(&mut self, name: &str) -> Option<Secret> {
        let place = self.0.iter().position(|(key, value)| key == name && !value.is_empty())?;
        let (_, value) = self.0.swap_remove(place);
        memory::wipe_variable(name);
        memory::lock(value.as_bytes());
        Some(Secret(value))
    }
}

impl Secret {
    /// The secret itself.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
impl From<&[(&str, &str)]> for Environment {
    fn from(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned()))).collect())
    }
}

#[allow(unsafe_code, reason = "the environment's own memory has to be wiped, and nothing safe can reach it")]
mod memory {
    use std::ffi::{CStr, CString, c_char};

    unsafe extern "C" {
        /// getenv(3).
        safe fn getenv(name: *const c_char) -> *mut c_char;
    }

    /// Overwrites the value of a variable where the kernel put it, and takes the variable away.
    pub(super) fn wipe_variable(name: &str) {
        let Ok(c_name) = CString::new(name) else { return };
        let value = getenv(c_name.as_ptr());
        if value.is_null() {
            return;
        }
        // SAFETY: getenv gives a string with an end, which stays until the environment is changed; that is done
        // below only, and there is but one thread yet.
        let length = unsafe { CStr::from_ptr(value) }.count_bytes();
        for offset in 0..length {
            // SAFETY: within the string, which is writable (POSIX), and to which no reference is left.
            unsafe { value.add(offset).write_volatile(0) };
        }
        // SAFETY: there is but one thread yet.
        unsafe { std::env::remove_var(name) };
    }

    /// Keeps the pages that these bytes lie in from being swapped out, as far as the limit for it goes.
    pub(super) fn lock(bytes: &[u8]) {
        // SAFETY: locking pages changes nothing about what is in them; the range is that of a slice that is borrowed here.
        let _ = unsafe { rustix::mm::mlock(bytes.as_ptr().cast_mut().cast(), bytes.len()) };
    }
}
