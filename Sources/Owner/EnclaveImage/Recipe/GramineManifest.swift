// SPDX-License-Identifier: Apache-2.0
/// The manifest template for Gramine 1.9, which runs the enclave in SGX. It has not been run on hardware.
///
/// - Source: Gramine, Documentation/manifest-syntax.rst.
package enum GramineManifest {
    /// - Parameters:
    ///   - libraries: Paths of the libraries that the executable is linked with, as its loader finds them.
    ///   - workers: The number of requests that the enclave computes in parallel.
    ///   - threads: Number of threads of one inference.
    package static func template(libraries: [String], workers: Int = 1, threads: Int) -> String {
        // Gramine provides the C library.
        let own = libraries.filter { path in
            let name = path.split(separator: "/").last ?? ""
            return !["ld-linux", "libc.so", "libm.so", "libpthread", "libdl", "librt"].contains { name.hasPrefix($0) }
        }.sorted()
        let mounts = own.map { "    { path = \"\($0)\", uri = \"file:\($0)\" },\n" }.joined()
        let files = own.map { "    \"file:\($0)\",\n" }.joined()
        return """
            # Untested: written by `infenclave image` for Gramine 1.9, never run on hardware by its makers.
            libos.entrypoint = "/infenclave-enclave"
            loader.entrypoint.uri = "file:{{ gramine.libos }}"
            loader.argv = ["/infenclave-enclave", "--tee", "sgx", "--connect", "stdio", "--workers", "\(workers)", "--threads", "\(threads)"]
            loader.env.LD_LIBRARY_PATH = "/lib"
            loader.env.LANG = "C"
            loader.env.GOMP_SPINCOUNT = "2000"
            loader.log_level = "none"

            fs.mounts = [
                { path = "/lib", uri = "file:{{ gramine.runtimedir() }}" },
                { path = "/infenclave-enclave", uri = "file:infenclave-enclave" },
            \(mounts)]

            sgx.trusted_files = [
                "file:{{ gramine.runtimedir() }}/",
                "file:{{ gramine.libos }}",
                "file:infenclave-enclave",
            \(files)]
            sgx.remote_attestation = "dcap"
            sgx.debug = false
            sgx.edmm_enable = false
            sgx.enclave_size = "2G"
            sgx.max_threads = \(workers * threads + 12)
            sgx.isvprodid = 1
            sgx.isvsvn = 1
            sys.stack.size = "8M"
            sys.disallow_subprocesses = true

            """
    }
}
