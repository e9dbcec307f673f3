/// Whether a caller takes evidence of the development TEE, which anybody who owns the machine can make. The policy has
/// to name it as well.
public enum DevelopmentTEE: Sendable, Hashable {
    case refuse
    /// For trials on machines that the caller owns. Every verdict says so.
    case dangerouslyAccept
}
