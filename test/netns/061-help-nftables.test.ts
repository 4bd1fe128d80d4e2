/**
 * Every example of the help is run as it stands, in a throwaway host of its own, with nftables.
 */
import { examplesHold } from './helpexamples.ts'

examplesHold('nftables')
