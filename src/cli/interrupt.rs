//! What Ctrl-C, SIGTERM and SIGHUP do.
//!
//! Where work is under way that a checkpoint keeps, the first signal raises a flag, which the work
//! looks at. Where there is nothing to keep but what can be told in a moment (rows found so far) or
//! nothing at all (kernels being prepared, data being read), it ends the program at once, whatever
//! the work is in the middle of, after a farewell. A second signal always ends it at once.

use super::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

type Farewell = Box<dyn FnOnce() + Send>;

static RAISED: AtomicBool = AtomicBool::new(false);
static FAREWELL: Mutex<Option<Farewell>> = Mutex::new(None);
static AFTER: Mutex<Option<Farewell>> = Mutex::new(None);

/// The flag that the first signal raises.
pub fn flag() -> &'static AtomicBool {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    &RAISED
}

#[cfg(unix)]
fn install() {
    // SAFETY: both calls only say what becomes of one signal, and there is no handler of it yet.
    let is_to_be_ignored = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) } == libc::SIG_IGN;
    set_handler();
    if is_to_be_ignored {
        // `nohup` has asked for that, and the handler is for this signal too.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
}

#[cfg(not(unix))]
fn install() {
    set_handler();
}

fn set_handler() {
    // Without a handler a signal still ends the program, only without a farewell.
    let _ = ctrlc::set_handler(on_signal);
}

fn on_signal() {
    if RAISED.swap(true, Ordering::SeqCst) {
        end();
    }
    // In a thread of its own: the second signal must be heard even while a farewell waits for the
    // reader of a pipe.
    std::thread::spawn(say_farewell);
}

fn farewell() -> MutexGuard<'static, Option<Farewell>> {
    FAREWELL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program if there is a farewell to say.
fn say_farewell() {
    let last_words = farewell().take();
    if let Some(last_words) = last_words {
        last_words();
        let after = AFTER.lock().unwrap_or_else(PoisonError::into_inner).take();
        after.into_iter().for_each(|after| after());
        end();
    }
}

/// What is done after any farewell, whose command cannot do it any more.
pub fn after_farewells(act: impl FnOnce() + Send + 'static) {
    *AFTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
}

/// Ends the process without running what libraries have registered for an orderly exit: drivers
/// would take down what other threads are in the middle of.
fn end() -> ! {
    let code = i32::from(u8::from(ExitCode::Interrupted));
    #[cfg(unix)]
    // SAFETY: `_exit` takes any number and does not return.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// While it lives, a signal ends the program at once, after a farewell. There is one at a time.
pub struct AtOnce(());

impl AtOnce {
    /// From now on; or now, if the signal has come already.
    pub fn after(last_words: impl FnOnce() + Send + 'static) -> Self {
        let raised = flag();
        *farewell() = Some(Box::new(last_words));
        if raised.load(Ordering::SeqCst) {
            say_farewell();
        }
        Self(())
    }
}

impl Drop for AtOnce {
    fn drop(&mut self) {
        // Whoever has taken the farewell is saying it, and ends the program.
        while farewell().take().is_none() {
            std::thread::park();
        }
    }
}
