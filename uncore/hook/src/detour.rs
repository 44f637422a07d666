//! Exported functions that must not be on the stack of the real one, as the functions of the
//! loader look at their return address.
//!
//! Such a function first calls one in Rust, with the arguments in their registers, and
//! then returns or jumps, as that says, with the arguments and the stack that it found.

use core::ffi::c_void;
use core::ptr::null;

/// What becomes of a call: it is back with a result, or goes on elsewhere.
#[repr(C)]
pub struct Way {
    /// Where to jump; null to return.
    target: *const c_void,
    result: usize,
}

impl Way {
    /// The call is over.
    pub fn back(result: usize) -> Way {
        Way {
            target: null(),
            result,
        }
    }

    /// Another function takes the call over.
    pub fn on(target: *const c_void) -> Way {
        Way { target, result: 0 }
    }
}

/// Exports a function of this name of at most four words. The function `$ask` gets them,
/// and the return address behind them.
#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
#[macro_export]
macro_rules! export_detour {
    ($name:ident, $ask:path) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        #[allow(non_snake_case, reason = "C's names")]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "sub rsp, 40",
                ".cfi_adjust_cfa_offset 40",
                "mov [rsp], rdi",
                "mov [rsp + 8], rsi",
                "mov [rsp + 16], rdx",
                "mov [rsp + 24], rcx",
                "mov r8, [rsp + 40]",
                "call {ask}",
                "mov r11, rax",
                "mov rax, rdx",
                "mov rdi, [rsp]",
                "mov rsi, [rsp + 8]",
                "mov rdx, [rsp + 16]",
                "mov rcx, [rsp + 24]",
                "add rsp, 40",
                ".cfi_adjust_cfa_offset -40",
                "test r11, r11",
                "jz 3f",
                "jmp r11",
                "3: ret",
                ".cfi_endproc",
                ask = sym $ask,
            )
        }
    };
}

/// As for x86_64.
#[cfg(target_arch = "aarch64")]
#[doc(hidden)]
#[macro_export]
macro_rules! export_detour {
    ($name:ident, $ask:path) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        #[allow(non_snake_case, reason = "C's names")]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "stp x29, x30, [sp, -48]!",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset x29, -48",
                ".cfi_offset x30, -40",
                "mov x29, sp",
                "stp x0, x1, [sp, 16]",
                "stp x2, x3, [sp, 32]",
                "mov x4, x30",
                "bl {ask}",
                "mov x16, x0",
                "mov x17, x1",
                "ldp x0, x1, [sp, 16]",
                "ldp x2, x3, [sp, 32]",
                "ldp x29, x30, [sp], 48",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore x29",
                ".cfi_restore x30",
                "cbz x16, 3f",
                "br x16",
                "3: mov x0, x17",
                "ret",
                ".cfi_endproc",
                ask = sym $ask,
            )
        }
    };
}
