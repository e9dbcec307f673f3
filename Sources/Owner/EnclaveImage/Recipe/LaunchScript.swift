// SPDX-License-Identifier: Apache-2.0
/// The image's `run.sh`, which checks its requirements before it starts the machine.
package enum LaunchScript {
    /// The oldest supported version of QEMU: SNP's object came with 9.1; from 10.2 on a TDX guest measures the kernel's
    /// file unchanged.
    package static func minimumQEMU(_ kind: ImageKind) -> (major: Int, minor: Int)? {
        switch kind {
        case .snp: (9, 1)
        case .tdx: (10, 2)
        case .nitro, .sgx: nil
        }
    }

    package static func text(_ recipe: ImageRecipe) -> String {
        switch recipe.kind {
        case .nitro: nitro(recipe)
        case .snp, .tdx: machine(recipe)
        case .sgx: sgx
        }
    }

    private static func machine(_ recipe: ImageRecipe) -> String {
        let version = minimumQEMU(recipe.kind) ?? (0, 0)
        let name = recipe.kind == .snp ? "SEV-SNP" : "TDX"
        return """
            #!/bin/sh
            # Starts this image as a \(name) guest. Written by `infenclave image`; never run on hardware by its makers.
            #   QEMU    the program, qemu-system-x86_64 unless set; \(version.major).\(version.minor) or later
            \(channelNotes(recipe))\(recipe.kind == .tdx ? quoteNotes : "")
            set -eu
            cd "$(dirname "$0")"
            QEMU=${QEMU:-qemu-system-x86_64}
            stop() { echo "run.sh: $1" >&2; echo "  $2" >&2; exit 1; }

            command -v "$QEMU" >/dev/null || stop "there is no $QEMU" "install QEMU \(version.major).\(version.minor) or later, or name it with QEMU="
            version=$("$QEMU" --version | sed -n 's/^QEMU emulator version \\([0-9]*\\)\\.\\([0-9]*\\).*/\\1 \\2/p')
            set -- $version
            [ "$((${1:-0} * 1000 + ${2:-0}))" -ge \(version.major * 1000 + version.minor) ] ||
                stop "QEMU ${1:-?}.${2:-?} is too old for \(name)" "use QEMU \(version.major).\(version.minor) or later: another one starts the guest with other measurements, or not at all"
            \(platformCheck(recipe.kind))\(recipe.guestSVN == nil ? "" : features)\(recipe.kind == .tdx ? quotes : "")
            \(channelCheck(recipe.transport))

            exec "$QEMU" -enable-kvm -nodefaults -no-user-config -no-reboot -display none -serial stdio \\
                \(options(recipe).joined(separator: " \\\n    ")) \\
                -smp \(recipe.processors) -m \(recipe.memoryMiB)M -bios firmware.fd \\
                -kernel kernel -initrd initrd -append "$(cat cmdline)" \\
                \(channel(recipe.transport))

            """
    }

    private static func options(_ recipe: ImageRecipe) -> [String] {
        let memory = "-object memory-backend-memfd,id=ram,size=\(recipe.memoryMiB)M,share=true"
        switch recipe.kind {
        case .snp:
            let block =
                recipe.guestSVN == nil ? "" : ",id-block=$(cat id-block-$FEATURES),id-auth=$(cat id-auth-$FEATURES)"
            let policy = "0x" + String(ImageRecipe.guestPolicy, radix: 16)
            return [
                memory,
                "-object sev-snp-guest,id=tee,policy=\(policy),cbitpos=51,reduced-phys-bits=1,kernel-hashes=on\(block)",
                "-machine q35,confidential-guest-support=tee,memory-backend=ram -cpu \(recipe.processorModel ?? "")",
            ]
        case .tdx:
            return [
                memory,
                #"-object "{\"qom-type\":\"tdx-guest\",\"id\":\"tee\",\"quote-generation-socket\":$quotes}""#,
                "-machine q35,confidential-guest-support=tee,memory-backend=ram,kernel-irqchip=split,smm=off,pic=off,hpet=off -cpu host",
            ]
        case .nitro, .sgx: return []
        }
    }

    private static func platformCheck(_ kind: ImageKind) -> String {
        let (module, parameter) = kind == .snp ? ("kvm_amd", "sev_snp") : ("kvm_intel", "tdx")
        return """
            case "$(cat /sys/module/\(module)/parameters/\(parameter) 2>/dev/null)" in
            Y | 1) ;;
            *) stop "this machine's kernel does not offer \(kind == .snp ? "SEV-SNP" : "TDX")" "enable it in the firmware's setup, and in the kernel with \(module).\(parameter)=1" ;;
            esac
            """
    }

    /// Selects the identity block, which is for one digest; the digest depends on the features that the host's kernel
    /// gives a guest.
    private static let features = """

        if [ -z "${FEATURES:-}" ]; then
            FEATURES=1
            [ "$(cat /sys/module/kvm_amd/parameters/debug_swap 2>/dev/null)" != Y ] || FEATURES=21
        fi
        """

    private static let quoteNotes = """

        #   QGS     Intel's quote generation service, without which the guest has no evidence: a Unix socket, or
        #           vsock:CID:PORT, vsock:2:4050 unless set
        """

    private static let quotes = #"""

        QGS=${QGS:-vsock:2:4050}
        case $QGS in
        vsock:*:*)
            place=${QGS#vsock:}
            quotes="{\"type\":\"vsock\",\"cid\":\"${place%%:*}\",\"port\":\"${place#*:}\"}"
            ;;
        *)
            [ -S "$QGS" ] || stop "no quote generation service listens at $QGS" "install and start Intel's tdx-qgs, and name its socket, or its port as QGS=vsock:2:4050"
            quotes="{\"type\":\"unix\",\"path\":\"$QGS\"}"
            ;;
        esac
        """#

    private static func channelNotes(_ recipe: ImageRecipe) -> String {
        switch recipe.transport {
        case .vsock:
            "#   CID     the guest's address, 42 unless set; the host listens with `\(serve("vsock:\(ImageTransport.port)", recipe))`"
        case .serial:
            "#   SOCKET  where the host listens with `\(serve("unix:SOCKET", recipe))`; ./enclave.sock unless set"
        }
    }

    /// The host has to know how many requests the enclave computes in parallel.
    private static func serve(_ place: String, _ recipe: ImageRecipe) -> String {
        "serve --enclave-at \(place)" + (recipe.workers.map { " --workers \($0)" } ?? "")
    }

    private static func channelCheck(_ transport: ImageTransport) -> String {
        switch transport {
        case .vsock:
            #"[ -w /dev/vhost-vsock ] || stop "there is no /dev/vhost-vsock that may be written" "load it with 'modprobe vhost_vsock' and let this user write it, or make the image with --transport serial""#
        case .serial:
            #"[ -S "${SOCKET:=enclave.sock}" ] || stop "nobody listens at $SOCKET" "start 'infenclave serve --enclave-at unix:$SOCKET' first""#
        }
    }

    private static func channel(_ transport: ImageTransport) -> String {
        let options = "disable-legacy=on,iommu_platform=on"
        switch transport {
        case .vsock: return "-device vhost-vsock-pci,guest-cid=${CID:-42},\(options)"
        case .serial:
            return "-chardev socket,id=host,path=\"$SOCKET\" -device virtio-serial-pci,\(options) "
                + "-device virtserialport,chardev=host,name=\(ImageTransport.serialName)"
        }
    }

    private static func nitro(_ recipe: ImageRecipe) -> String {
        """
        #!/bin/sh
        # Starts this image as a Nitro enclave. Written by `infenclave image`; never run on hardware by its makers.
        #   CID     the enclave's address, 16 unless set; the host listens with `\(serve("vsock:\(ImageTransport.port)", recipe))`
        set -eu
        cd "$(dirname "$0")"
        stop() { echo "run.sh: $1" >&2; echo "  $2" >&2; exit 1; }

        command -v nitro-cli >/dev/null || stop "there is no nitro-cli" "install aws-nitro-enclaves-cli on an instance that was started with enclaves enabled"
        [ -w /dev/nitro_enclaves ] || stop "there is no /dev/nitro_enclaves that may be written" "start the instance with enclaves enabled, load the module nitro_enclaves, and add the user to the group ne"

        exec nitro-cli run-enclave --eif-path image.eif --cpu-count \(recipe.processors) --memory \(recipe.memoryMiB) --enclave-cid "${CID:-16}"

        """
    }

    private static let sgx = """
        #!/bin/sh
        # Untested: starts the enclave in SGX with Gramine 1.9. Written by `infenclave image`; never run by its makers.
        set -eu
        cd "$(dirname "$0")"
        stop() { echo "run.sh: $1" >&2; echo "  $2" >&2; exit 1; }

        command -v gramine-sgx >/dev/null || stop "there is no gramine-sgx" "install Gramine 1.9 from packages.gramineproject.io"
        [ -e infenclave-enclave.sig ] || stop "the manifest is not signed" "run: gramine-manifest infenclave-enclave.manifest.template infenclave-enclave.manifest && gramine-sgx-sign --manifest infenclave-enclave.manifest --output infenclave-enclave.manifest.sgx"

        exec gramine-sgx infenclave-enclave

        """
}
