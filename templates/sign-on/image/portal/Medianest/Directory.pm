package Medianest::Directory;

# Before the engine looks a user up, LDAP is asked about names that are not of local users; then, whether the password is right.
use strict;
use warnings;
use Mouse;
use Encode qw(decode);
use Lemonldap::NG::Portal::Main::Constants qw(PE_BADCREDENTIALS PE_LDAPCONNECTFAILED);
use Medianest::Database;
use Medianest::Ldap;
use Medianest::Plugin;
extends 'Lemonldap::NG::Portal::Main::Plugin';

use constant aroundSub => { getUser => 'look' };

sub init { return 1 }

sub look {
    my ( $self, $sub, $req, @more ) = @_;
    my $password = $req->data->{password};
    my $result   = $self->look_up( $sub, $req, @more );

    # A name that there is not takes as long as a wrong password, and is a refusal too.
    if ( $result == PE_BADCREDENTIALS && length( $password // '' ) ) {
        Medianest::Plugin::hashed($password);
        my $login = $req->user;
        $self->auditLog( $req, message => "Sign-in refused for $login", code => 'SIGN_IN_REFUSED', user => $login );
    }
    return $result;
}

sub look_up {
    my ( $self, $sub, $req, @more ) = @_;
    my ( $login, $password ) = ( $req->user, $req->data->{password} );
    delete $req->data->{medianest_ldap};
    return $sub->( $req, @more )
      unless Medianest::Ldap::settings() && length( $password // '' ) && Medianest::Ldap::may_be_user($login);
    my $may = eval { $self->judge( $req, $login ) };
    return unjudged( $self, $req, $@ ) unless defined $may;
    return $sub->( $req, @more ) if $may;
    eval { $self->p->_authentication->setSecurity($req) };
    return PE_BADCREDENTIALS;
}

# The answer to a sign-in that LDAP has not judged: not a failed one, which would count against the account.
sub unjudged {
    my ( $self, $req, $error ) = @_;
    my ( $login, $why ) = ( $req->user, $error =~ s/\s+/ /gr =~ s/ \z//r );
    eval { $self->p->_authentication->setSecurity($req) };
    my $code = Medianest::Ldap::is_unclear($why) ? 'LDAP_UNCLEAR' : 'LDAP_AWAY';
    $self->auditLog( $req, message => "LDAP cannot be asked about $login: " . decode( 'UTF-8', $why ), code => $code, user => $login );
    return PE_LDAPCONNECTFAILED;
}

# @returns false where LDAP has this user, who has no role here or is another person than before
sub judge {
    my ( $self, $req, $login ) = @_;
    my $dbh = Medianest::Database::connection();
    my ($source) = $dbh->selectrow_array( 'SELECT source FROM users WHERE login = ?', undef, $login );
    return 1 if defined $source && $source ne 'ldap';
    my $found = Medianest::Ldap::ask( sub { Medianest::Ldap::find( $_[0], $login ) } ) or return 1;
    return 0 unless Medianest::Ldap::store( $dbh, $found );
    $req->data->{medianest_ldap} = $found;
    return 1;
}

# Whether LDAP takes the password of who has just been looked up for this very request. @throws where LDAP cannot be asked
sub proves {
    my ( $req, $password ) = @_;
    my $found = $req->data->{medianest_ldap};
    return 0 unless $found && $found->{login} eq $req->user;
    return Medianest::Ldap::proves( $found->{dn}, $password );
}

1;
