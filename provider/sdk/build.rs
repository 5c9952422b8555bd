//! Compiles the wire protocol, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = protox::compile(["proto/tfplugin6.proto", "proto/plugin.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .btree_map(".")
        .build_client(false)
        .build_transport(false)
        .extern_path(".tfplugin6.Encoded", "crate::wire::Encoded")
        .compile_fds(files)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
