// SPDX-License-Identifier: Apache-2.0
import Hummingbird
import NIOCore

/// The address of a request's client, and its connection.
struct ClientContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    let address: ClientAddress

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        address = ClientAddress(source.channel.remoteAddress)
    }
}
