package Medianest::Address;

# From where a session is used. What is compared are networks: an IPv4 address, or the first half of an IPv6 address, which is one home.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Socket qw(AF_INET6 inet_pton inet_ntop);
use Medianest::Database;
use Medianest::Servers;

# How many networks of a session are noted, those used last, and after how many seconds a network is noted again.
use constant { MOST => 100, AGAIN => 300 };

my %noted;

# @returns undef for what is no address
sub network {
    my ($address) = @_;
    $address = '' unless defined $address;
    return $1 if $address =~ /\A(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})\z/i;
    my $bytes = inet_pton( AF_INET6, $address ) or return undef;
    return inet_ntop( AF_INET6, substr( $bytes, 0, 8 ) . "\0" x 8 ) . '/64';
}

sub event {
    my ( $code, $what, $user, $began, $address ) = @_;
    return Medianest::Servers::event( $code, "Session of $user $what", user => $user, began => $began, remote_addr => $address );
}

# A new network is told once, by the process whose change finds none. @returns whether it is new
sub note {
    my ( $id, $network ) = @_;
    my $key = "$id $network";
    return 0 if ( $noted{$key} // 0 ) > time - AGAIN;
    %noted = () if keys %noted > 10_000;
    my $dbh   = Medianest::Database::connection();
    my $known = q{coalesce(a_session -> '_networks', '{}')};
    my $last  = qq{(SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM (SELECT * FROM jsonb_each($known) ORDER BY value::bigint DESC LIMIT ?) AS noted)};
    my $set   = qq{UPDATE sessions SET a_session = a_session || jsonb_build_object('_networks', $last || jsonb_build_object(?::text, ?::bigint)) WHERE id = ?};
    my $new   = $dbh->do( "$set AND NOT jsonb_exists($known, ?)", undef, MOST - 1, $network, time, $id, $network );
    $dbh->do( "$set AND jsonb_exists($known, ?)", undef, MOST, $network, time, $id, $network ) unless $new > 0;
    $noted{$key} = time;
    return $new > 0;
}

# Judges from where a session that may pass is used. `bind` needs no database for that: a session that cannot be noted passes.
# @param the variables of the request, and the engine's headers by name
# @returns whether it passes
sub passes {
    my ( $env, $told ) = @_;
    my $mode = $ENV{SIGN_ON_ADDRESS} // '';
    return 1 if $mode eq '';
    my $began    = network( $told->{'Remote-Began'} );
    my $network  = network( $env->{REMOTE_ADDR} );
    my ($cookie) = ( $env->{HTTP_COOKIE} // '' ) =~ /__Host-medianest=([0-9a-f]{64})/;
    return $mode ne 'bind' unless defined $began && defined $network && defined $cookie;
    my $id        = sha256_hex($cookie);
    my $elsewhere = $began ne $network;
    my @where     = ( $told->{'Remote-User'}, $told->{'Remote-Began'}, $env->{REMOTE_ADDR} );
    if ( $elsewhere && $mode eq 'bind' ) {
        event( 'SESSION_ENDED_ELSEWHERE', "ended: used from $where[2], begun at $where[1]", @where );
        eval { Medianest::Database::connection()->do( 'DELETE FROM sessions WHERE id = ?', undef, $id ); 1 }
          or print STDERR 'sign-on: a session could not be ended: ', $@ =~ s/\s+/ /gr, "\n";
        return 0;
    }
    my $new = eval { note( $id, $network ) };
    print STDERR 'sign-on: where a session is used from cannot be noted: ', $@ =~ s/\s+/ /gr, "\n" if $@;
    event( 'SESSION_ELSEWHERE', "used from $where[2], begun at $where[1]", @where ) if $elsewhere && $new;
    return 1;
}

1;
