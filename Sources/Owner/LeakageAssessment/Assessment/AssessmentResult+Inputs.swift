// SPDX-License-Identifier: Apache-2.0

extension AssessmentResult {
    /// The images of an assessment: which were used, and for what.
    package struct Sample: Sendable {
        /// Number of images used.
        package let images: Int
        /// Number of files in the folder, including ``skipped``.
        package let folderImages: Int
        package let skipped: [SkippedPicture]
        /// Number of images for the channel KL, drawn from those used.
        package let channelImages: Int
        /// Number of images that the decoders learned from (fitting and validation); the others are test images.
        package let trainingImages: Int
        package let testImages: Int
        /// Mean of ln C - H(F(x)) over the images of the channel KL, in nats.
        package let baselineMean: Double
        /// Number of images of the channel KL for which the validator's largest probability is below 0.8: its gates do
        /// not count them.
        package let validatorUnsure: Int

        package init(
            images: Int, folderImages: Int, skipped: [SkippedPicture], channelImages: Int, trainingImages: Int,
            testImages: Int, baselineMean: Double, validatorUnsure: Int
        ) {
            self.images = images
            self.folderImages = folderImages
            self.skipped = skipped
            self.channelImages = channelImages
            self.trainingImages = trainingImages
            self.testImages = testImages
            self.baselineMean = baselineMean
            self.validatorUnsure = validatorUnsure
        }
    }

    /// The options of an assessment that decide its results.
    package struct Question: Sendable {
        package let gates: Gates
        package let adversary: Adversary
        /// The protected assets, and the number of training images of the attacker.
        package let protected: Set<Asset>
        package let attackerPictures: Int
        package let budgets: Budgets
        /// Options of the white-box attack, at the cuts that have its scores.
        package let whiteBox: WhiteBoxOptions
        package let seed: UInt64
        package let threads: Int

        package init(
            gates: Gates, adversary: Adversary = .both, protected: Set<Asset> = Asset.all,
            attackerPictures: Int = 100_000, budgets: Budgets = Budgets(),
            whiteBox: WhiteBoxOptions = WhiteBoxOptions(), seed: UInt64, threads: Int
        ) {
            self.gates = gates
            self.adversary = adversary
            self.protected = protected
            self.attackerPictures = attackerPictures
            self.budgets = budgets
            self.whiteBox = whiteBox
            self.seed = seed
            self.threads = threads
        }
    }
}
