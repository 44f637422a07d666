//! All programs from outside: usage, help, errors, installation, and the whole way.

mod agree;
mod bad_input;
mod c_library;
mod compare;
mod faults;
mod grammar;
mod help;
mod install;
mod limits;
mod many_inputs;
mod one_line;
mod outputs;
mod usage;
mod whole_way;
